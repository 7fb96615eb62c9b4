import { commonFlags, type Flags } from './command-line.ts';
import type { Verb } from './verb.ts';

export function renderHelp(verbs: readonly Verb[]): string {
  const width = Math.max(...verbs.map(({ name }) => name.length));
  return `CoucheStor keeps each volume of Mayastor on the tier that its I/O deserves. See, explain and steer it.

Verbs:
${verbs.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n')}

Flags of every verb:
${renderFlags(commonFlags)}

'kubectl couchestor VERB --help' says more about one.`;
}

export function renderVerbHelp(verb: Verb): string {
  const own = Object.keys(verb.flags).length === 0 ? '' : `\nFlags:\n${renderFlags(verb.flags)}\n`;
  const takes = verb.takes === '' ? '' : ` ${verb.takes}`;
  return `${verb.summary.charAt(0).toUpperCase()}${verb.summary.slice(1)}.

Usage: kubectl couchestor ${verb.name}${takes} [flags]
${own}
Flags of every verb:
${renderFlags(commonFlags)}

Example: ${verb.example}`;
}

function renderFlags(flags: Flags): string {
  const rows = Object.entries(flags).map(([name, { short, value, description }]) => {
    const abbreviation = short === undefined ? '    ' : `-${short}, `;
    return [`  ${abbreviation}--${name}${value === undefined ? '' : ` ${value}`}`, description] as const;
  });
  const width = Math.max(...rows.map(([flag]) => flag.length));
  return rows.map(([flag, description]) => `${flag.padEnd(width)}  ${description}`).join('\n');
}
