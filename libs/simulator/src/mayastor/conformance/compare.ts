import type { MayastorAnswer } from '../route.ts';
import { isVolume, sightOf, withoutProgress, progressIn, type Exchange } from './trace.ts';

/** Progress may differ by what a rebuild does within two cache polls. */
const progressTolerance = 35;

/** Keys whose value the pretended engine, the moment or chance decides; only that they are there counts. */
const unpredictable = new Set([
  'usage',
  'used',
  'space',
  'timestamp',
  'startTime',
  'endTime',
  'blocksTransferred',
  'blocksRecovered',
  'blocksRemaining',
  'poolUuid',
  'pool_uuid',
  'allocated_size',
  'total_allocated_size',
  'rebuildProgress',
  'rebuild-progress',
]);

/** What is different between a recorded answer and the model's; empty if nothing is. */
export function differences(recorded: Exchange, answer: MayastorAnswer): string[] {
  if (recorded.status !== answer.status) {
    return [
      `status ${String(recorded.status)} recorded, ${String(answer.status)} given: ${JSON.stringify(answer.body)}`,
    ];
  }
  // The recorder left out bodies that were too large to keep.
  if (recorded.response === null) return [];
  if (recorded.status >= 300) {
    return JSON.stringify(sorted(recorded.response)) === JSON.stringify(sorted(answer.body))
      ? []
      : [`body ${JSON.stringify(recorded.response)} recorded, ${JSON.stringify(answer.body)} given`];
  }
  if (isVolume(recorded.response) && isVolume(answer.body)) {
    const wanted = sightOf(recorded.response);
    const given = sightOf(answer.body);
    const found: string[] = [];
    if (withoutProgress(wanted) !== withoutProgress(given)) found.push(`${wanted} recorded, ${given} given`);
    const difference = Math.abs((progressIn(wanted) ?? 0) - (progressIn(given) ?? 0));
    if (recorded.method === 'GET' && difference > progressTolerance)
      found.push(`progress: ${wanted} recorded, ${given} given`);
    if (found.length > 0) return found;
  }
  const found: string[] = [];
  compare('', recorded.response, answer.body, found);
  return found.slice(0, 5);
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function compare(path: string, wanted: unknown, given: unknown, found: string[]): void {
  if (Array.isArray(wanted) && Array.isArray(given)) {
    compareLists(path, wanted, given, found);
    return;
  }
  if (typeof wanted === 'object' && wanted !== null && typeof given === 'object' && given !== null) {
    const keys = new Set([...Object.keys(wanted), ...Object.keys(given)]);
    for (const key of keys) {
      const inWanted = Object.hasOwn(wanted, key);
      const inGiven = Object.hasOwn(given, key);
      if (inWanted !== inGiven) found.push(`${path}.${key} ${inWanted ? 'is missing' : 'should not be there'}`);
      else {
        const wantedValue: unknown = Reflect.get(wanted, key);
        const givenValue: unknown = Reflect.get(given, key);
        if (!unpredictable.has(key)) compare(`${path}.${key}`, wantedValue, givenValue, found);
        else if (shapeOf(wantedValue) !== shapeOf(givenValue)) found.push(`${path}.${key} has another shape`);
      }
    }
    return;
  }
  if (wanted !== given) found.push(`${path}: ${JSON.stringify(wanted)} recorded, ${JSON.stringify(given)} given`);
}

/** Lists of things with an identity are compared by it, since most of them come from maps without an order. */
function compareLists(path: string, wanted: readonly unknown[], given: readonly unknown[], found: string[]): void {
  if (wanted.length !== given.length) {
    found.push(`${path}: ${String(wanted.length)} recorded, ${String(given.length)} given`);
    return;
  }
  const identified = wanted.every((entry) => identityOf(entry) !== undefined);
  for (const [position, entry] of wanted.entries()) {
    const identity = identityOf(entry);
    const match = identified ? given.find((other) => identityOf(other) === identity) : given[position];
    if (match === undefined) found.push(`${path}: ${String(identity)} is missing`);
    else compare(`${path}[${String(identity ?? position)}]`, entry, match, found);
  }
}

function identityOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return undefined;
  const online: unknown = Reflect.get(value, 'online');
  if (online !== undefined) return identityOf(online);
  for (const key of ['source_id', 'uuid', 'id', 'devname']) {
    const identity: unknown = Reflect.get(value, key);
    if (typeof identity === 'string') return identity;
  }
  return undefined;
}

function shapeOf(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.keys(value).toSorted().join(',');
}
