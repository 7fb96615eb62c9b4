import { KubernetesStatusError, KubernetesUnreachableError } from '@couchestor/shared/kubernetes';
import { stringify } from 'yaml';
import { createCluster } from './cluster.ts';
import { CommandError } from './command-error.ts';
import { parseCommandLine, type Invocation, type OutputFormat } from './command-line.ts';
import { renderHelp, renderVerbHelp } from './help.ts';
import type { Connection } from './kubeconfig.ts';
import { printable } from './render/table.ts';
import type { Report, Verb } from './verb.ts';
import { verbs } from './verbs/all.ts';

export interface Surroundings {
  /** One text, ending in a line feed. */
  readonly print: (text: string) => void;
  readonly printError: (text: string) => void;
  readonly nowMs: () => number;
  readonly connect: (target: Pick<Invocation, 'kubeconfig' | 'context'>) => Promise<Connection>;
}

const helpVerb = 'help';

/** Runs one command line. The result is the exit code: 0, or 1 after an error, which has been printed. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { print, printError, nowMs, connect } = surroundings;
  try {
    const invocation = parseCommandLine(args, (name) => (name === helpVerb ? {} : verbOf(name)?.flags));
    const verb = verbOf(invocation.verb);
    if (verb === undefined) {
      print(helpFor(invocation.positionals[0]));
      return 0;
    }
    if (invocation.help) {
      print(`${renderVerbHelp(verb)}\n`);
      return 0;
    }
    checkScope(verb, invocation);
    verb.check?.(invocation);
    const connection = await connect(invocation);
    await using access = connection.access;
    const namespace = invocation.namespace ?? connection.namespace;
    const cluster = createCluster({ access, namespace, controlNamespace: invocation.controlNamespace });
    const report = await verb.run({ invocation, cluster, nowMs: nowMs() });
    for (const warning of report.warnings ?? []) printError(`warning: ${printable(warning)}\n`);
    print(formatReport(report, invocation.output));
    return report.exitCode ?? 0;
  } catch (error) {
    printError(describeError(error).split('\n').map(printable).join('\n'));
    return 1;
  }
}

const verbOf = (name: string | undefined): Verb | undefined => verbs.find((verb) => verb.name === name);

/** @throws CommandError where less was asked for than the verb would do */
function checkScope({ name, selects, heedsNamespace }: Verb, { selector, namespace }: Invocation): void {
  if (selector !== undefined && selects === undefined) {
    throw new CommandError(`${name} selects nothing by labels`, 'Leave out -l.');
  }
  if (namespace !== undefined && !heedsNamespace) {
    throw new CommandError(
      `${name} is not about one namespace`,
      'Leave out -n; where CoucheStor itself is, is --control-namespace.',
    );
  }
}

function helpFor(name: string | undefined): string {
  const verb = verbOf(name);
  if (name !== undefined && verb === undefined) {
    throw new CommandError(`unknown verb ${JSON.stringify(name)}`, "'kubectl couchestor help' lists the verbs.");
  }
  return `${verb === undefined ? renderHelp(verbs) : renderVerbHelp(verb)}\n`;
}

function formatReport({ data, text }: Report, output: OutputFormat): string {
  switch (output) {
    case 'table':
    case 'wide':
      return `${text(output === 'wide')}\n`;
    case 'json':
      return `${toJson(data)}\n`;
    case 'yaml':
      // What is undefined is left out, as in JSON.
      return stringify(JSON.parse(toJson(data)));
  }
}

/** kubectl leaves out as well who owns which field. */
function toJson(data: unknown): string {
  return JSON.stringify(data, (key, value: unknown) => (key === 'managedFields' ? undefined : value), 2);
}

/** As kubectl words it, with what to do in the line below. */
function describeError(error: unknown): string {
  if (error instanceof CommandError) return `error: ${error.message}\n${error.remedy}\n`;
  if (error instanceof KubernetesStatusError) {
    return `Error from server (${error.reason}): ${error.message}\n${remedyOf(error.status)}\n`;
  }
  if (error instanceof KubernetesUnreachableError) {
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
    return `error: ${error.message}${cause}\nSee whether the API server runs, and whether --context is the right one.\n`;
  }
  return `error: ${error instanceof Error ? error.message : String(error)}\n`;
}

function remedyOf(status: number): string {
  switch (status) {
    case 401:
      return 'Log in again: the credentials of the kubeconfig are not taken.';
    case 403:
      return "Ask for the right that is missing; 'kubectl couchestor doctor' lists all that are needed.";
    case 400:
    case 422:
      return 'Correct what the message names.';
    default:
      return 'Try again; if it stays so, the API server has the cause in its logs.';
  }
}
