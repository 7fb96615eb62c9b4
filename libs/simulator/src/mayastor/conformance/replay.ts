import { createVirtualClock } from '@couchestor/shared/clock';
import { createMayastorModel, type MayastorModel } from '../model.ts';
import type { MayastorTimers } from '../options.ts';
import type { MayastorAnswer } from '../route.ts';
import { randomUuid } from '../world.ts';
import { differences } from './compare.ts';
import { residueUuid, type Experiment } from './experiments.ts';
import { foreknowledgeOf } from './foreknowledge.ts';
import {
  isVolume,
  progressIn,
  readTrace,
  sightOf,
  withoutProgress,
  type Exchange,
  type Sight,
  type Trace,
} from './trace.ts';

interface Mismatch {
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

/** When the model showed a view, by its text without progress. */
type Timeline = Map<string, Moment[]>;

interface Moment {
  readonly atMs: number;
  readonly progress: number | undefined;
  /** The view before this one was another. */
  readonly began: boolean;
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

/** Percent that the progress of a view may lie outside of what the model shows within the tolerance. */
const sightProgressTolerance = 12;

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
  const timeline: Timeline = new Map();
  const shownLast = new Map<string, string>();
  const look = async (): Promise<void> => {
    for (const id of model.volumeIds().slice(0, 20)) {
      const answer = model.handle({ method: 'GET', path: `/v0/volumes/${id}` });
      // A core that stands still answers nobody.
      const shown = await Promise.race([
        answer,
        new Promise<undefined>((resolve) => void setImmediate(() => resolve(undefined))),
      ]);
      if (!isVolume(shown?.body)) continue;
      const text = sightOf(shown.body);
      const sight = withoutProgress(text);
      const moments = timeline.get(sight) ?? [];
      timeline.set(sight, moments);
      moments.push({ atMs: nowMs(), progress: progressIn(text), began: shownLast.get(id) !== sight });
      shownLast.set(id, sight);
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
  for (const { atMs, volume } of unrecordedDeletions(trace, experiment)) {
    const request = { method: 'DELETE', path: `/v0/volumes/${volume}` };
    steps.push({ kind: 'event', atMs, run: (model) => void model.handle(request) });
  }
  if (experiment.startsOnNvme === true) {
    for (const exchange of trace.exchanges) {
      if (
        exchange.method !== 'PUT' ||
        !isVolume(exchange.response) ||
        !exchange.path.endsWith(exchange.response.spec.uuid)
      )
        continue;
      const pools = Object.values(exchange.response.state.replica_topology).map((replica) => replica.pool ?? '');
      if (!pools.every((pool) => pool === 'nvme-n1' || pool === 'nvme-n2')) continue;
      for (const pool of ['sata-n1', 'sata-n2']) {
        steps.push({ kind: 'event', atMs: exchange.atMs - 1, run: (model) => model.faults.poolFaulted(pool) });
        steps.push({ kind: 'event', atMs: exchange.atMs + 12, run: (model) => model.faults.poolRecovers(pool) });
      }
    }
  }
  return steps.sort((a, b) => a.atMs - b.atMs);
}

const silenceMs = 18;

/**
 * Each trial of an experiment ended with the deletion of its volumes, which was not recorded. It fell into the first
 * silence after the last word about a volume, before the creation of the next one.
 */
function unrecordedDeletions(
  trace: Trace,
  experiment: Experiment,
): { readonly atMs: number; readonly volume: string }[] {
  const creations = trace.exchanges.filter(
    (entry) => entry.method === 'PUT' && /^\/v0\/volumes\/[^/]+$/.test(entry.path),
  );
  const moments = [...trace.exchanges, ...trace.notes, ...trace.sights]
    .flatMap((entry) => [entry.atMs, entry.atMs + ('tookMs' in entry ? entry.tookMs : 0)])
    .sort((a, b) => a - b);
  const deletions: { atMs: number; volume: string }[] = [];
  for (const creation of creations) {
    const volume = creation.path.slice('/v0/volumes/'.length);
    const last = lastMentionMs(trace, volume);
    const next = creations.find((entry) => entry.atMs > last);
    if (next === undefined || creation.status !== 200) continue;
    const published = trace.exchanges.some((entry) => entry.path === `${creation.path}/target`);
    if (!published && experiment.keepsUnpublished === true) continue;
    for (const [position, atMs] of moments.entries()) {
      const gapMs = (moments[position + 1] ?? atMs) - atMs;
      if (atMs < last || atMs >= next.atMs || gapMs < silenceMs) continue;
      deletions.push({ atMs: Math.max(atMs + 2, atMs + gapMs - 12), volume });
      break;
    }
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
  for (const volume of experiment.start ?? []) model.createVolume({ allocatedBytes: 4 * 1024 * 1024, ...volume });
  for (const [position, placement] of (experiment.residue ?? []).entries()) {
    model.createVolume({
      uuid: residueUuid(position),
      sizeBytes: 10 * gibibyte,
      placement,
      allocatedBytes: 4 * 1024 * 1024,
    });
  }
}

/** Whether a recorded progress lies in what the model showed around that time; past its last view, the rebuild is over. */
function progressFits(progress: number | undefined, near: readonly Moment[], untilMs: number): boolean {
  if (progress === undefined) return true;
  const shown = near.map((moment) => moment.progress ?? 0);
  const lastMs = Math.max(...near.map((moment) => moment.atMs));
  const most = lastMs < untilMs - 200 ? 100 : Math.max(...shown);
  return progress >= Math.min(...shown) - sightProgressTolerance && progress <= most + sightProgressTolerance;
}

/** Whether a view came up while somebody watched, so that its time says when it began, apart from its progress. */
function isChange(trace: Trace, sight: Sight): boolean {
  const before = trace.sights.find((other) => other.line === sight.line - 1);
  if (before === undefined || withoutProgress(before.text) === withoutProgress(sight.text)) return false;
  const ids = [...before.text.matchAll(/(\w{4})@/g)].map(([, id]) => `${String(id)}@`);
  return ids.some((id) => sight.text.includes(id));
}

/** Answers that were too large to record have a remark on how many entries they had. */
function countDifferences(trace: Trace, exchange: Exchange, answer: MayastorAnswer): string[] {
  if (exchange.response !== null || exchange.status !== 200) return [];
  const remark = trace.notes.find((note) => note.line === exchange.line + 1)?.text ?? '';
  const entries = /\bentries=(\d+)/.exec(remark)?.[1] ?? /\bn=(\d+)$/.exec(remark)?.[1];
  const token = /next_token=(\d+|undefined)/.exec(remark)?.[1];
  const { body } = answer;
  const shown = Array.isArray(body)
    ? body
    : typeof body === 'object' && body !== null && 'entries' in body
      ? body['entries']
      : undefined;
  const found: string[] = [];
  if (entries !== undefined && Array.isArray(shown) && shown.length !== Number(entries)) {
    found.push(`${entries} entries recorded, ${String(shown.length)} given`);
  }
  const next = typeof body === 'object' && body !== null && 'next_token' in body ? body['next_token'] : undefined;
  const given = typeof next === 'number' ? String(next) : 'undefined';
  if (token !== undefined && token !== given) found.push(`next token ${token} recorded, ${given} given`);
  return found;
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
  timeline: Timeline,
): Promise<Outcome> {
  const mismatches: Mismatch[] = [];
  let excluded = 0;
  let exchanges = 0;
  const isExcluded = (atMs: number, what: string): boolean =>
    (experiment.excluded ?? []).some(
      ({ from, to, only }) => atMs >= from * 1000 && atMs <= to * 1000 && (only === undefined || what.includes(only)),
    );
  const tolerance = experiment.toleranceMs ?? toleranceMs[experiment.timers];
  /** Whether the model showed this, too, around that time; `began`: and not only as something that it had shown before. */
  const seenNear = (sight: string, atMs: number, began: boolean): boolean => {
    const near = (timeline.get(withoutProgress(sight)) ?? []).filter(
      (moment) => Math.abs(moment.atMs - atMs) <= tolerance,
    );
    return near.some((moment) => moment.began || !began) && progressFits(progressIn(sight), near, atMs + tolerance);
  };
  for (const { exchange, answer } of answers) {
    const what = `${exchange.method} ${exchange.path}`;
    if (isExcluded(exchange.atMs, what)) {
      excluded += 1;
      continue;
    }
    exchanges += 1;
    const { response } = exchange;
    if (exchange.method === 'GET' && isVolume(response) && seenNear(sightOf(response), exchange.atMs, false)) continue;
    const given = await answer;
    const found = [...differences(exchange, given), ...countDifferences(trace, exchange, given)];
    if (found.length > 0) mismatches.push({ atMs: exchange.atMs, what, differences: found });
  }
  let sights = 0;
  for (const sight of trace.sights) {
    if (isExcluded(sight.atMs, 'see')) {
      excluded += 1;
      continue;
    }
    sights += 1;
    if (seenNear(sight.text, sight.atMs, isChange(trace, sight))) continue;
    const moments = timeline.get(withoutProgress(sight.text)) ?? [];
    const seen = moments.map(
      (moment) => `${moment.began ? 'from ' : ''}${String(moment.atMs)} (${String(moment.progress)} %)`,
    );
    mismatches.push({
      atMs: sight.atMs,
      what: 'see',
      differences: [`${sight.text} was seen at ${seen.slice(0, 40).join(', ')}`],
    });
  }
  return { exchanges, sights, excluded, mismatches };
}
