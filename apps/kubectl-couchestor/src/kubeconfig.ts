import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { loadKubernetesAccess, type KubernetesAccess } from '@couchestor/shared/kubernetes';
import { parse } from 'yaml';
import { CommandError } from './command-error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Connection {
  readonly access: KubernetesAccess;
  /** Of the context; `default` if it names none. */
  readonly namespace: string;
}

interface Kubeconfig {
  readonly 'current-context'?: string;
  readonly contexts?: readonly { readonly name?: string; readonly context?: { readonly namespace?: string } }[];
}

const POD_NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/**
 * The cluster that kubectl would speak to: `--kubeconfig`, else KUBECONFIG, else the cluster around this process, else
 * `~/.kube/config`; in it `--context`, else the current one.
 *
 * @throws CommandError, ConfigurationError
 */
export async function connect(
  environment: Environment,
  { kubeconfig, context }: { readonly kubeconfig: string | undefined; readonly context: string | undefined },
): Promise<Connection> {
  const files = kubeconfigFiles(environment, kubeconfig, context);
  if (files.length === 0) {
    const namespace = existsSync(POD_NAMESPACE_FILE) ? readFileSync(POD_NAMESPACE_FILE, 'utf8').trim() : 'default';
    return { access: await loadKubernetesAccess(environment), namespace };
  }
  const { name, namespace } = chooseContext(files.map(readKubeconfig), context);
  if (files.length === 1 && context === undefined) {
    return { access: await loadKubernetesAccess({ ...environment, KUBECONFIG: files[0] }), namespace };
  }
  // The loader takes the current context of the last file that names one, so a last file settles it.
  const folder = mkdtempSync(join(tmpdir(), 'kubectl-couchestor-'));
  try {
    const overlay = join(folder, 'context.yaml');
    writeFileSync(overlay, JSON.stringify({ apiVersion: 'v1', kind: 'Config', 'current-context': name }));
    const KUBECONFIG = [...files, overlay].join(delimiter);
    return { access: await loadKubernetesAccess({ ...environment, KUBECONFIG }), namespace };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Of several contexts the named one, else that of the first file that has a current one, as kubectl merges files. */
function chooseContext(
  configs: readonly Kubeconfig[],
  wanted: string | undefined,
): { readonly name: string; readonly namespace: string } {
  const contexts = configs.flatMap((config) => config.contexts ?? []);
  const current = configs.map((config) => config['current-context'] ?? '').find((each) => each !== '');
  const name = wanted ?? current;
  if (name === undefined) {
    throw new CommandError('the kubeconfig has no current context', `Give --context, one of ${namesOf(contexts)}.`);
  }
  const found = contexts.find((each) => each.name === name);
  if (found === undefined) {
    throw new CommandError(
      `context ${JSON.stringify(name)} does not exist`,
      `Give one of ${namesOf(contexts)} as --context.`,
    );
  }
  return { name, namespace: found.context?.namespace ?? 'default' };
}

const namesOf = (contexts: readonly { readonly name?: string }[]): string =>
  contexts.map((each) => each.name ?? '').join(', ') || '(there is none)';

/** Empty for the cluster that this process runs in. */
function kubeconfigFiles(environment: Environment, given: string | undefined, context: string | undefined): string[] {
  if (given !== undefined) {
    if (!existsSync(given)) throw new CommandError(`${given} does not exist`, 'Give the path of a kubeconfig file.');
    return [given];
  }
  const named = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  const present = named.filter((file) => existsSync(file));
  if (named.length > 0) {
    if (present.length > 0) return present;
    throw new CommandError(
      `KUBECONFIG names ${named.join(' and ')}, which does not exist`,
      'Correct KUBECONFIG or give --kubeconfig.',
    );
  }
  if (context === undefined && (environment['KUBERNETES_SERVICE_HOST'] ?? '') !== '') return [];
  const homeFile = join(environment['HOME'] ?? homedir(), '.kube', 'config');
  if (existsSync(homeFile)) return [homeFile];
  throw new CommandError(
    `no cluster is configured: ${homeFile} does not exist`,
    'Set KUBECONFIG to the path of a kubeconfig file, or give --kubeconfig.',
  );
}

function readKubeconfig(file: string): Kubeconfig {
  try {
    return (parse(readFileSync(file, 'utf8')) ?? {}) as Kubeconfig;
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(`${file} cannot be read: ${problem}`, 'Give the path of a kubeconfig file.', { cause });
  }
}
