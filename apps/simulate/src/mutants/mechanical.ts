import { parseSync, visitorKeys, type Expression, type Node } from 'oxc-parser';

export type MutantKind =
  | 'negated condition'
  | 'changed comparison'
  | 'swapped arguments'
  | 'removed statement'
  | 'dropped await';

/** One small change of a source file, as a machine finds them. */
export interface MechanicalMutant {
  /** File, function, kind and text: the same however the lines around it move. */
  readonly id: string;
  /** From the root of the repository. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly kind: MutantKind;
  /** Of the text that is replaced. */
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  /** The same change as whole expressions or statements. */
  readonly parts: readonly Part[];
}

interface Part {
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  readonly as: 'expression' | 'statement';
}

type Span = Pick<Node, 'start' | 'end'>;

const SNIPPET_MAX = 90;

const boundaries: Readonly<Record<string, string>> = { '<': '<=', '<=': '<', '>': '>=', '>=': '>' };
const opposites: Readonly<Record<string, string>> = { '===': '!==', '!==': '===' };

/** All mutants of a file, in their order in it. */
export function mechanicalMutantsOf(file: string, text: string, kinds: ReadonlySet<MutantKind>): MechanicalMutant[] {
  const { program, errors } = parseSync(file, text, { lang: 'ts', sourceType: 'module' });
  if (errors.length > 0) throw new Error(`${file} cannot be parsed: ${errors[0]?.message}`);
  const found: Omit<MechanicalMutant, 'id' | 'line' | 'column' | 'file'>[] = [];
  const places: string[] = [];
  const names: string[] = [];
  const conditions = new Set<Node>();

  const note = (kind: MutantKind, span: Span, replacement: string, parts: readonly Part[]): void => {
    if (!kinds.has(kind)) return;
    found.push({ kind, start: span.start, end: span.end, replacement, parts });
    places.push(names.at(-1) ?? 'module');
  };
  const noteExpression = (kind: MutantKind, { start, end }: Span, replacement: string): void =>
    note(kind, { start, end }, replacement, [{ start, end, replacement, as: 'expression' }]);
  const noteRemoval = ({ start, end }: Span): void =>
    note('removed statement', { start, end }, ';', [{ start, end, replacement: '', as: 'statement' }]);
  const textOf = ({ start, end }: Span): string => text.slice(start, end);

  /** Each part of a condition that is joined by and or or. */
  const negate = (node: Expression): void => {
    if (conditions.has(node)) return;
    conditions.add(node);
    if (node.type === 'ParenthesizedExpression') return negate(node.expression);
    if (node.type === 'LogicalExpression' && node.operator !== '??') {
      negate(node.left);
      negate(node.right);
      return;
    }
    const opposite = node.type === 'UnaryExpression' && node.operator === '!' ? textOf(node.argument) : undefined;
    noteExpression('negated condition', node, `(${opposite ?? `!(${textOf(node)})`})`);
  };
  const mutantsAt = (node: Node): void => {
    if (node.type === 'IfStatement') {
      negate(node.test);
      if (node.alternate === null && endsWay(node.consequent)) noteRemoval(node);
    } else if (node.type === 'ConditionalExpression' || node.type === 'WhileStatement') {
      negate(node.test);
    } else if (node.type === 'LogicalExpression') {
      if (node.operator !== '??') negate(node);
    } else if (node.type === 'BinaryExpression') {
      const other = boundaries[node.operator] ?? (conditions.has(node) ? undefined : opposites[node.operator]);
      if (other === undefined) return;
      const replacement = `(${textOf(node.left)} ${other} ${textOf(node.right)})`;
      noteExpression('changed comparison', node, replacement);
    } else if (node.type === 'CallExpression') {
      const [first, second] = node.arguments;
      if (first === undefined || second === undefined || isAssertion(node) || isCommutative(node)) return;
      if (first.type === 'SpreadElement' || second.type === 'SpreadElement') return;
      const replacement = textOf(second) + text.slice(first.end, second.start) + textOf(first);
      note('swapped arguments', { start: first.start, end: second.end }, replacement, [
        { start: first.start, end: first.end, replacement: textOf(second), as: 'expression' },
        { start: second.start, end: second.end, replacement: textOf(first), as: 'expression' },
      ]);
    } else if (node.type === 'ExpressionStatement') {
      // What is asserted is impossible, so that leaving it out changes nothing.
      if (!isAssertion(node.expression)) noteRemoval(node);
    } else if (node.type === 'AwaitExpression') {
      noteExpression('dropped await', node, `(${textOf(node.argument)})`);
    }
  };
  const visit = (node: Node): void => {
    const name = nameOf(node);
    if (name !== undefined) names.push(name);
    mutantsAt(node);
    for (const child of childrenOf(node)) visit(child);
    if (name !== undefined) names.pop();
  };
  visit(program);

  const lineStarts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)];
  const seen = new Map<string, number>();
  return found
    .map((mutant, index) => {
      const snippet = text.slice(mutant.start, mutant.end).replaceAll(/\s+/g, ' ');
      const shown = snippet.length > SNIPPET_MAX ? `${snippet.slice(0, SNIPPET_MAX)}…` : snippet;
      const base = `${file} ${places[index]}: ${mutant.kind} ${shown}`;
      const count = (seen.get(base) ?? 0) + 1;
      seen.set(base, count);
      const line = lineStarts.findLastIndex((start) => start <= mutant.start);
      const column = mutant.start - (lineStarts[line] ?? 0);
      return { ...mutant, id: count === 1 ? base : `${base} (${count})`, file, line: line + 1, column: column + 1 };
    })
    .sort((a, b) => a.start - b.start || a.end - b.end);
}

export function mutated(text: string, { start, end, replacement }: MechanicalMutant): string {
  return text.slice(0, start) + replacement + text.slice(end);
}

/** What the switches ask: `worker.ts` answers it. */
export const SWITCH = 'globalThis.couchestorMutant?.';

/**
 * One text in which every mutant can be switched on while it runs: `isOn(number)` says whether it is, and is asked
 * whenever it would make a difference, so that it can also tell which places are come to at all.
 */
export function withSwitches(
  text: string,
  mutants: readonly MechanicalMutant[],
  numberOf: (mutant: MechanicalMutant) => number,
  isOn: string,
): string {
  const inserts = mutants.flatMap((mutant) => {
    const asked = `${isOn}(${numberOf(mutant)})`;
    return mutant.parts.flatMap(({ start, end, replacement, as }) => {
      const size = end - start;
      const [before, after] =
        as === 'expression' ? [`(${asked}?(${replacement}):(`, '))'] : [`if(${asked}){${replacement}}else{`, '}'];
      // At one place the larger part is opened first and closed last, and what ends there closes before anything opens.
      return [
        { at: start, order: 1e9 - size, insert: before },
        { at: end, order: size - 1e9, insert: after },
      ];
    });
  });
  let switched = '';
  let from = 0;
  for (const { at, insert } of inserts.sort((a, b) => a.at - b.at || a.order - b.order)) {
    switched += text.slice(from, at) + insert;
    from = at;
  }
  return switched + text.slice(from);
}

function childrenOf(node: Node): Node[] {
  const children: Node[] = [];
  for (const key of visitorKeys[node.type] ?? []) {
    const value = (node as unknown as Record<string, Node | (Node | null)[] | null | undefined>)[key];
    for (const child of Array.isArray(value) ? value : [value]) if (child) children.push(child);
  }
  return children;
}

function nameOf(node: Node): string | undefined {
  if (node.type === 'FunctionDeclaration') return node.id?.name;
  const [name, value] =
    node.type === 'VariableDeclarator'
      ? [node.id, node.init]
      : node.type === 'Property'
        ? [node.key, node.value]
        : [undefined, undefined];
  return value?.type === 'ArrowFunctionExpression' && name?.type === 'Identifier' ? name.name : undefined;
}

/** Whether nothing after it runs. */
function endsWay(statement: Node): boolean {
  if (statement.type === 'BlockStatement') {
    const last = statement.body.at(-1);
    return last !== undefined && endsWay(last);
  }
  return ['ReturnStatement', 'ThrowStatement', 'ContinueStatement', 'BreakStatement'].includes(statement.type);
}

/** The greatest or least of some numbers is the same in any order. */
function isCommutative(node: Node): boolean {
  return (
    node.type === 'CallExpression' &&
    node.callee.type === 'MemberExpression' &&
    node.callee.object.type === 'Identifier' &&
    node.callee.object.name === 'Math'
  );
}

function isAssertion(node: Node): boolean {
  return (
    node.type === 'CallExpression' &&
    node.callee.type === 'MemberExpression' &&
    node.callee.object.type === 'Identifier' &&
    node.callee.object.name === 'assert'
  );
}
