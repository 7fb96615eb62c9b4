import { parseArgs, type ParseArgsConfig } from 'node:util';
import { CommandError } from './command-error.ts';

type OptionKind = NonNullable<ParseArgsConfig['options']>[string];

/** A flag of the command line. */
type Flag = OptionKind & {
  /** What stands for the value in the help. */
  readonly value?: string;
  readonly description: string;
};
export type Flags = Readonly<Record<string, Flag>>;

/** Those that every verb takes, called as kubectl calls them. */
export const commonFlags = {
  output: { type: 'string', short: 'o', value: 'wide|json|yaml', description: 'how to print the answer' },
  namespace: {
    type: 'string',
    short: 'n',
    value: 'NAME',
    description: 'namespace of claims; the one of the context by default',
  },
  selector: { type: 'string', short: 'l', value: 'QUERY', description: 'only what carries these labels' },
  context: { type: 'string', value: 'NAME', description: 'context of the kubeconfig file' },
  kubeconfig: { type: 'string', value: 'FILE', description: 'path of the kubeconfig file' },
  'control-namespace': {
    type: 'string',
    value: 'NAME',
    description: 'where CoucheStor and its ConfigMap couchestor-control are; kube-system by default',
  },
  help: { type: 'boolean', short: 'h', description: 'what the verb does' },
} as const satisfies Flags;

export type OutputFormat = 'table' | 'wide' | 'json' | 'yaml';

/** The command line, read. */
export interface Invocation {
  readonly verb: string | undefined;
  readonly positionals: readonly string[];
  readonly output: OutputFormat;
  /** Only if it was given. */
  readonly namespace: string | undefined;
  readonly selector: string | undefined;
  readonly context: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly controlNamespace: string;
  readonly help: boolean;
  text(flag: string): string | undefined;
  isSet(flag: string): boolean;
}

/**
 * The common flags may stand anywhere, those of a verb after it.
 *
 * @param flagsOf the flags of a verb's own; undefined if there is no such verb
 * @throws CommandError that names what is wrong
 */
export function parseCommandLine(args: readonly string[], flagsOf: (verb: string) => Flags | undefined): Invocation {
  const loose = parseArgs({
    args: [...args],
    options: commonFlags,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const verbToken = loose.tokens.find((token) => token.kind === 'positional');
  const verb = verbToken?.kind === 'positional' ? verbToken.value : undefined;
  const own = verb === undefined ? {} : flagsOf(verb);
  if (verb !== undefined && own === undefined) {
    throw new CommandError(`unknown verb ${JSON.stringify(verb)}`, "'kubectl couchestor help' lists the verbs.");
  }
  const rest = verbToken === undefined ? [...args] : args.filter((_, index) => index !== verbToken.index);
  const { values, positionals } = strictly(rest, { ...commonFlags, ...own }, verb);
  const text = (flag: string): string | undefined => {
    const value = values[flag];
    return typeof value === 'string' ? value : undefined;
  };
  for (const flag of ['namespace', 'context', 'kubeconfig', 'control-namespace', 'selector']) {
    if (text(flag) === '') throw new CommandError(`--${flag} is empty`, 'Give it a value or leave it out.');
  }
  return {
    verb,
    positionals,
    output: readOutput(text('output')),
    namespace: text('namespace'),
    selector: text('selector'),
    context: text('context'),
    kubeconfig: text('kubeconfig'),
    controlNamespace: text('control-namespace') ?? 'kube-system',
    help: values['help'] === true,
    text,
    isSet: (flag) => values[flag] !== undefined && values[flag] !== false,
  };
}

function strictly(args: string[], options: Flags, verb: string | undefined) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: true });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const [sentence = message] = message.split('. ');
    throw new CommandError(
      sentence,
      `'kubectl couchestor ${verb ?? 'help'}${verb === undefined ? '' : ' --help'}' lists the flags.`,
      { cause },
    );
  }
}

function readOutput(text: string | undefined): OutputFormat {
  switch (text) {
    case undefined:
      return 'table';
    case 'wide':
    case 'json':
    case 'yaml':
      return text;
    default:
      throw new CommandError(
        `unable to match a printer for the output format ${JSON.stringify(text)}`,
        'Allowed are wide, json and yaml.',
      );
  }
}

/** A flag that holds a positive whole number. @throws CommandError */
export function countOf(invocation: Invocation, flag: string, byDefault: number): number {
  const text = invocation.text(flag);
  if (text === undefined) return byDefault;
  const count = Number(text);
  if (Number.isInteger(count) && count > 0 && count <= 100_000) return count;
  throw new CommandError(`--${flag} ${text} is not a count`, 'Give a whole number from 1 to 100000.');
}

/** @throws CommandError if there are more words than the verb takes */
export function refuseFurther(invocation: Invocation, max: number): void {
  const [extra] = invocation.positionals.slice(max);
  if (extra === undefined) return;
  throw new CommandError(
    `${JSON.stringify(extra)} is one word too many`,
    `'kubectl couchestor ${invocation.verb ?? ''} --help' says what it takes.`,
  );
}
