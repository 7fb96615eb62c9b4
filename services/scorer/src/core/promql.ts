import { parser } from '@prometheus-io/lezer-promql';
import { DAY_MS } from '@couchestor/shared/units';

/** No range reaches further back than a sampling window may. */
const RANGE_MS_MAX = 30 * DAY_MS;
/** As many points as Prometheus itself allows of a range query. */
const SUBQUERY_POINTS_MAX = 11_000;

type Node = ReturnType<ReturnType<typeof parser.parse>['topNode']['getChild']>;

/**
 * What is wrong with a query that is to give one series for each value of a label; undefined if nothing is. Types are
 * left to the server, which tells them better; this says what the server would not mind, and we would: a number in place
 * of a vector, an aggregation that drops the label, a range without bound.
 */
export function queryProblem(query: string, label: string): string | undefined {
  const labelFault = labelProblem(label);
  if (labelFault !== undefined) return labelFault;
  const tree = parser.parse(query);
  const text = (node: { from: number; to: number }): string => query.slice(node.from, node.to);
  let fault: string | undefined;
  tree.iterate({
    enter: (node) => {
      fault ??= nodeProblem(node, text);
    },
  });
  return fault ?? resultProblem(tree.topNode.firstChild, label, text);
}

/** What is wrong with the selector of a gauge, such as `my_iops` or `my_iops{cluster="a"}`. */
export function selectorProblem(selector: string, label: string): string | undefined {
  const labelFault = labelProblem(label);
  if (labelFault !== undefined) return labelFault;
  const tree = parser.parse(selector);
  let broken = false;
  tree.iterate({
    enter: ({ type }) => {
      broken ||= type.isError;
    },
  });
  const [first, second] = [tree.topNode.firstChild, tree.topNode.firstChild?.nextSibling];
  if (!broken && first?.name === 'VectorSelector' && (second === null || second === undefined)) return undefined;
  return `metrics.query (${selector.slice(0, 80)}) is not the name of a metric, with or without label matchers; an expression needs source PromQL`;
}

function labelProblem(label: string): string | undefined {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(label)) return undefined;
  return `metrics.volumeLabel (${label}) is not the name of a label`;
}

interface Visited {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly type: { readonly isError: boolean };
  readonly node: NonNullable<Node>;
}

function nodeProblem(
  { name, from, type, node }: Visited,
  text: (node: NonNullable<Node>) => string,
): string | undefined {
  if (type.isError) return `metrics.query is not PromQL from its character ${from + 1} on`;
  if (name !== 'MatrixSelector' && name !== 'SubqueryExpr') return undefined;
  const [rangeMs, stepMs] = node.getChildren('DurationExpr').map((duration) => durationMs(text(duration)));
  if (rangeMs === undefined) return undefined;
  if (rangeMs > RANGE_MS_MAX) return `metrics.query has a range of more than 30d (${text(node).slice(-40)})`;
  if (name === 'SubqueryExpr' && stepMs !== undefined && rangeMs / stepMs > SUBQUERY_POINTS_MAX) {
    return `metrics.query has a subquery of more than ${SUBQUERY_POINTS_MAX} steps (${text(node).slice(-40)}); give it a longer step`;
  }
  return undefined;
}

function resultProblem(node: Node, label: string, text: (node: NonNullable<Node>) => string): string | undefined {
  switch (node?.name) {
    case undefined:
      return undefined;
    case 'ParenExpr':
      return resultProblem(node?.firstChild ?? null, label, text);
    case 'NumberDurationLiteral':
    case 'StringLiteral':
      return 'metrics.query gives one number for all volumes, not a series for each';
    case 'MatrixSelector':
    case 'SubqueryExpr':
      return 'metrics.query gives a range of samples; take a rate or an average of it';
    case 'AggregateExpr':
      return aggregationProblem(node, label, text);
    default:
      return undefined;
  }
}

/** These keep the series that they choose as they are. */
const CHOOSING: ReadonlySet<string> = new Set(['Topk', 'Bottomk', 'LimitK', 'LimitRatio']);

function aggregationProblem(node: Node, label: string, text: (node: NonNullable<Node>) => string): string | undefined {
  const operation = node?.getChild('AggregateOp')?.firstChild?.name ?? '';
  if (CHOOSING.has(operation)) return undefined;
  const modifier = node?.getChild('AggregateModifier');
  const listed = modifier?.getChild('GroupingLabels')?.getChildren('LabelName').map(text) ?? [];
  const without = modifier?.getChild('Without') !== null && modifier?.getChild('Without') !== undefined;
  const keeps =
    modifier !== null && modifier !== undefined && (without ? !listed.includes(label) : listed.includes(label));
  if (keeps) return undefined;
  return `metrics.query drops the label ${label}, which names the volume: aggregate by (${label})`;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: DAY_MS,
  w: 7 * DAY_MS,
  y: 365 * DAY_MS,
};

/** Prometheus' notation, or a number of seconds; undefined for what is computed. */
function durationMs(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000;
  if (!/^(\d+(ms|[smhdwy]))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|[smhdwy])/g))
    ms += Number(amount) * (UNITS_MS[unit ?? ''] ?? 0);
  return ms;
}
