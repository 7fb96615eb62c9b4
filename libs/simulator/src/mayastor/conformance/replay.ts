import { createVirtualClock } from '@couchestor/shared/clock';
import { createMayastorModel, type MayastorModel } from '../model.ts';
import type { MayastorTimers } from '../options.ts';
import type { MayastorAnswer } from '../routes.ts';
import { randomUuid } from '../world.ts';
import { differences } from './compare.ts';
import type { Experiment } from './experiments.ts';
import { foreknowledgeOf } from './foreknowledge.ts';
import { isVolume, readTrace, sightOf, withoutProgress, type Exchange, type Trace } from './trace.ts';

export interface Mismatch {
  readonly atMs: number;
  readonly what: string;
  readonly differences: readonly string[];
}

export interface Outcome {
  /** Exchanges compared, and views that were looked for. */
  readonly exchanges: number;
  readonly sights: number;
  readonly excluded: number;
  readonly mismatches: readonly Mismatch[];
}

/** Timers of the two set-ups in which the experiments ran. */
const timersOf: Record<Experiment['timers'], Partial<MayastorTimers>> = {
  fast: {
    cachePeriodMs: 1_000,
    reconcilePeriodMs: 1_000,
    reconcileIdleMs: 2_000,
    faultedChildWaitMs: 20_000,
  },
  default: {},
};

/** How often the model's view is looked at, and how far in time a recorded view may be from the model's. */
const lookEveryMs = { fast: 100, default: 500 } as const;
const toleranceMs = { fast: 2_600, default: 4_000 } as const;

const gibibyte = 1024 ** 3;

export async function replay(experiment: Experiment): Promise<Outcome> {
  const trace = readTrace(experiment.name);
  const clock = createVirtualClock();
  const startMs = clock.monotonicMs();
  const nowMs = (): number => clock.monotonicMs() - startMs;
  const known = foreknowledgeOf(trace, experiment.createdFirst ?? [], nowMs);
  let seed = 1;
  const random = (): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed / 2_147_483_648;
  };
  const model = createMayastorModel({
    clock,
    random,
    version: '2.7.1',
    timers: {
      engineCallMs: 2,
      shutdownTargetMs: Infinity,
      coreRestartMs: 22_000,
      ...timersOf[experiment.timers],
      ...experiment.adjust,
    },
    choose: known.choose,
    newId: (kind, of) => known.newId(kind, of) ?? randomUuid(random),
    rebuildMs: (of) => experiment.rebuildMs?.(nowMs()) ?? known.rebuildMs(of.replica, nowMs()),
    ...(experiment.maxRebuilds === undefined ? {} : { maxRebuilds: experiment.maxRebuilds }),
  });
  buildWorld(model, experiment, trace);

  const steps = stepsOf(trace, experiment);
  const timeline = new Map<string, number[]>();
  const look = async (): Promise<void> => {
    for (const id of model.volumeIds().slice(0, 20)) {
      const answer = model.handle({ method: 'GET', path: `/v0/volumes/${id}` });
      // A core that stands still answers nobody.
      const shown = await Promise.race([answer, new Promise<undefined>((resolve) => void setImmediate(() => resolve(undefined)))]);
      if (!isVolume(shown?.body)) continue;
      const sight = withoutProgress(sightOf(shown.body));
      const times = timeline.get(sight);
      if (times === undefined) timeline.set(sight, [nowMs()]);
      else times.push(nowMs());
    }
  };
  const answers: { readonly exchange: Exchange; readonly answer: Promise<MayastorAnswer> }[] = [];
  const lookMs = trace.sights.length === 0 && trace.notes.length === 0 ? Infinity : lookEveryMs[experiment.timers];
  let lookedMs = 0;
  const advanceTo = async (atMs: number): Promise<void> => {
    while (nowMs() < atMs) {
      const nextMs = Math.min(atMs, lookedMs + lookMs);
      await clock.advance(Math.max(0, nextMs - nowMs()));
      if (nowMs() >= lookedMs + lookMs) {
        lookedMs = nowMs();
        await look();
      }
    }
  };
  for (const step of steps) {
    await advanceTo(step.atMs);
    await clock.advance(0);
    if (step.kind === 'event') {
      step.run(model);
      continue;
    }
    const { method, path, body } = step.exchange;
    answers.push({ exchange: step.exchange, answer: model.handle({ method, path, body }) });
    // Changes that take no time show between two looks only if one looks now.
    await clock.advance(0);
    if (trace.sights.length > 0 && method !== 'GET') await look();
  }
  await advanceTo(trace.endMs + 6_000);
  return judged(experiment, trace, answers, timeline);
}

type Step =
  | { readonly kind: 'event'; readonly atMs: number; readonly run: (model: MayastorModel) => void }
  | { readonly kind: 'exchange'; readonly atMs: number; readonly exchange: Exchange };

function stepsOf(trace: Trace, experiment: Experiment): Step[] {
  const steps: Step[] = [];
  for (const [atSeconds, run] of experiment.events ?? []) steps.push({ kind: 'event', atMs: atSeconds * 1000, run });
  for (const exchange of trace.exchanges) steps.push({ kind: 'exchange', atMs: exchange.atMs, exchange });
  for (const { atMs, volume } of unrecordedDeletions(trace)) {
    const request = { method: 'DELETE', path: `/v0/volumes/${volume}` };
    steps.push({ kind: 'event', atMs, run: (model) => void model.handle(request) });
  }
  return steps.sort((a, b) => a.atMs - b.atMs);
}

/**
 * Each trial of an experiment ended with the deletion of its volumes, which was not recorded. It fell into the longest
 * silence between the last word about a volume and the creation of the next one.
 */
function unrecordedDeletions(trace: Trace): { readonly atMs: number; readonly volume: string }[] {
  const creations = trace.exchanges.filter((entry) => entry.method === 'PUT' && /^\/v0\/volumes\/[^/]+$/.test(entry.path));
  const moments = [...trace.exchanges, ...trace.notes, ...trace.sights]
    .flatMap((entry) => [entry.atMs, entry.atMs + ('tookMs' in entry ? entry.tookMs : 0)])
    .sort((a, b) => a - b);
  const deletions: { atMs: number; volume: string }[] = [];
  for (const creation of creations) {
    const volume = creation.path.slice('/v0/volumes/'.length);
    const last = lastMentionMs(trace, volume);
    const next = creations.find((entry) => entry.atMs > last);
    if (next === undefined || creation.status !== 200) continue;
    let best = { atMs: last, gapMs: 0 };
    for (const [position, atMs] of moments.entries()) {
      const gapMs = (moments[position + 1] ?? atMs) - atMs;
      if (atMs >= last && atMs < next.atMs && gapMs > best.gapMs) best = { atMs: Math.max(atMs + 2, atMs + gapMs - 12), gapMs };
    }
    if (best.gapMs >= 15) deletions.push({ atMs: best.atMs, volume });
  }
  return deletions;
}

function lastMentionMs(trace: Trace, volume: string): number {
  const suffixes = new Set<string>();
  let last = 0;
  for (const exchange of trace.exchanges) {
    if (isVolume(exchange.response) && exchange.response.spec.uuid === volume) {
      for (const id of Object.keys(exchange.response.state.replica_topology)) suffixes.add(id.slice(-4));
    }
    const mentioned = exchange.path.includes(volume) || JSON.stringify(exchange.response).includes(volume);
    if (mentioned) last = Math.max(last, exchange.atMs + exchange.tookMs);
  }
  for (const sight of [...trace.sights, ...trace.notes]) {
    if ([...suffixes].some((suffix) => sight.text.includes(`..${suffix}`) || sight.text.includes(`${suffix}@`))) {
      last = Math.max(last, sight.atMs);
    }
  }
  return last;
}

/** Nodes and pools as in every experiment, unless it makes its pools itself. */
function buildWorld(model: MayastorModel, experiment: Experiment, trace: Trace): void {
  const port = grpcPort(trace);
  for (let node = 1; node <= experiment.nodes; node += 1) {
    const id = `n${String(node)}`;
    const address = `127.0.0.${String(10 + node)}`;
    model.addNode({ id, address, grpcEndpoint: `${address}:${port}` });
  }
  const made = trace.exchanges.some((entry) => entry.method === 'PUT' && entry.path.startsWith('/v0/nodes/n1/pools/'));
  if (made && experiment.poolsExist !== true) return;
  for (let node = 1; node <= experiment.nodes; node += 1) {
    for (const [tier, gibibytes] of [
      ['nvme', 100],
      ['sata', 400],
    ] as const) {
      const id = `${tier}-n${String(node)}`;
      model.addPool({
        id,
        node: `n${String(node)}`,
        capacityBytes: gibibytes * gibibyte,
        labels: { 'openebs.io/created-by': 'operator-diskpool', tier, node: `n${String(node)}` },
        disks: [`malloc:///${id.replace('-', '_')}?size_mb=${String(gibibytes * 1024)}`],
      });
    }
  }
  for (const [position, placement] of (experiment.residue ?? []).entries()) {
    const uuid = `00000000-0000-4000-9000-${String(position).padStart(12, '0')}`;
    model.createVolume({ uuid, sizeBytes: 10 * gibibyte, placement, allocatedBytes: 4 * 1024 * 1024 });
  }
}

function grpcPort(trace: Trace): string {
  for (const exchange of trace.exchanges) {
    const found = /"grpcEndpoint":"[\d.]+:(\d+)"/.exec(JSON.stringify(exchange.response))?.[1];
    if (found !== undefined) return found;
  }
  return '10124';
}

async function judged(
  experiment: Experiment,
  trace: Trace,
  answers: readonly { readonly exchange: Exchange; readonly answer: Promise<MayastorAnswer> }[],
  timeline: ReadonlyMap<string, readonly number[]>,
): Promise<Outcome> {
  const mismatches: Mismatch[] = [];
  let excluded = 0;
  let exchanges = 0;
  const isExcluded = (atMs: number, what: string): boolean =>
    (experiment.excluded ?? []).some(
      ({ from, to, only }) => atMs >= from * 1000 && atMs <= to * 1000 && (only === undefined || what.includes(only)),
    );
  const tolerance = experiment.toleranceMs ?? toleranceMs[experiment.timers];
  /** Whether the model showed this, too, around that time. */
  const seenNear = (sight: string, atMs: number): boolean =>
    (timeline.get(withoutProgress(sight)) ?? []).some((seenMs) => Math.abs(seenMs - atMs) <= tolerance);
  for (const { exchange, answer } of answers) {
    const what = `${exchange.method} ${exchange.path}`;
    if (isExcluded(exchange.atMs, what)) {
      excluded += 1;
      continue;
    }
    exchanges += 1;
    const { response } = exchange;
    if (exchange.method === 'GET' && isVolume(response) && seenNear(sightOf(response), exchange.atMs)) continue;
    const found = differences(exchange, await answer);
    if (found.length > 0) mismatches.push({ atMs: exchange.atMs, what, differences: found });
  }
  let sights = 0;
  for (const sight of trace.sights) {
    if (isExcluded(sight.atMs, 'see')) {
      excluded += 1;
      continue;
    }
    sights += 1;
    const times = timeline.get(withoutProgress(sight.text)) ?? [];
    if (seenNear(sight.text, sight.atMs)) continue;
    const nearest = times.toSorted((a, b) => Math.abs(a - sight.atMs) - Math.abs(b - sight.atMs))[0];
    mismatches.push({
      atMs: sight.atMs,
      what: 'see',
      differences: [`${sight.text} ${nearest === undefined ? 'was never seen' : `was seen at ${String(nearest)} ms`}`],
    });
  }
  return { exchanges, sights, excluded, mismatches };
}
