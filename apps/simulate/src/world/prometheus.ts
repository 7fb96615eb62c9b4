import { MetricsError, type MetricsServer, type Samples } from '@couchestor/scorer/parts';
import type { Clock } from '@couchestor/shared/clock';
import type { Lot } from './chaos.ts';
import type { Network } from './network.ts';
import type { SimulatedProcess } from './process.ts';
import { upTo } from './random.ts';
import type { Score } from '@couchestor/shared/messages';
import { sleep, type Task } from '../cores/task.ts';
import type { Ways } from '../cores/ways.ts';
import type { Chaos } from './chaos.ts';

/** What Prometheus could say of one volume, if it said all it knows. */
export interface Exported {
  readonly volumeId: string;
  readonly iops: number;
}

/** An answer of a value that the scorer was given. */
interface ScoreAnswer {
  readonly atMs: number;
  readonly iops: number;
}

/** Prometheus, which lies by what it leaves out: volumes, whole answers, fresh samples. */
export interface SimulatedPrometheus {
  serverOf(process: SimulatedProcess): MetricsServer;
  /** Scores of volumes for one cycle of a scorer's core; undefined without an answer. */
  tell(ways: Ways): Task<ReadonlyMap<string, Score> | undefined>;
  /** Values that were given for a volume, the newest last. */
  answersOf(volumeId: string): readonly ScoreAnswer[];
}

const SCRAPE_MS = 5_000;
const QUERY_TIMEOUT_MS = 2_000;
/** One cycle asks five times, and one wrong answer spoils it. */
const LIES_WEIGHT = 0.3;
const ANSWERS_KEPT = 32;
/** Of the answers that go wrong: nothing at all, or some volumes missing in it. */
const MISSING_SHARE = 0.6;
/** Of the volumes in an answer about counts that goes wrong: those that have hardly any samples. */
const FEW_SHARE = 0.5;
/** Samples are late at times; what is this old has ended. */
const OLD_MS = 4 * SCRAPE_MS;

export function createSimulatedPrometheus(options: {
  readonly clock: Clock;
  readonly network: Network;
  readonly chaos: Chaos;
  readonly exported: () => readonly Exported[];
  /** `isAway`: no question is answered. `hasFew`: hardly any samples of any volume. */
  readonly state: { readonly isAway: boolean; readonly hasFew: boolean };
}): SimulatedPrometheus {
  const { clock, network, chaos, exported, state } = options;
  const answers = new Map<string, ScoreAnswer[]>();
  /** Volumes of which the last answers said that samples are missing or old, so that no number of theirs is good. */
  const doubted = new Map<string, { readonly few: Set<string>; readonly old: Set<string> }>();
  const doubtsOf = ({ name }: SimulatedProcess): { readonly few: Set<string>; readonly old: Set<string> } => {
    const known = doubted.get(name) ?? { few: new Set(), old: new Set() };
    doubted.set(name, known);
    return known;
  };
  const note = (process: SimulatedProcess, volumeId: string, iops: number): void => {
    const { few, old } = doubtsOf(process);
    if (few.has(volumeId) || old.has(volumeId)) return;
    const known = answers.get(volumeId) ?? [];
    known.push({ atMs: clock.monotonicMs(), iops });
    if (known.length > ANSWERS_KEPT) known.shift();
    answers.set(volumeId, known);
  };
  const answered = <T>(effect: () => T): T => {
    if (state.isAway) throw new MetricsError('PrometheusUnavailable', 'Prometheus is away');
    return effect();
  };
  const ask = <T>(process: SimulatedProcess, what: string, effect: () => T, signal: AbortSignal): Promise<T> =>
    network.askOnce(process, `prometheus ${what}`, () => answered(effect), {
      timeoutMs: QUERY_TIMEOUT_MS,
      timedOut: () => new MetricsError('PrometheusUnavailable', 'Prometheus did not answer in time'),
      signal,
      weight: LIES_WEIGHT,
    });
  const serverOf = (process: SimulatedProcess): MetricsServer => ({
    nowMs: (signal) => ask(process, 'time', () => clock.nowMs(), signal),
    existing: (names, _atMs, _withinMs, signal) =>
      ask(process, 'existing', () => new Set(names.filter((name) => name.startsWith('volume_num_'))), signal),
    vector: async (query, _label, atMs, signal) => {
      const kind = kindOf(query);
      const lot = chaos.at(`${process.name}/answer of ${kind}`, LIES_WEIGHT);
      const answer = await ask(
        process,
        kind,
        (): Samples => {
          const { few, old } = doubtsOf(process);
          const doubts = kind === 'count' ? few : kind === 'last' ? old : undefined;
          doubts?.clear();
          if (lot !== undefined && lot.random() > MISSING_SHARE) {
            if (lot.random() >= 0.5) throw new MetricsError('QueryFailed', 'the query failed');
            for (const { volumeId } of exported()) doubts?.add(volumeId);
            return { labels: [], values: [] };
          }
          const isLeftOut = leftOutBy(lot);
          const labels: string[] = [];
          const values: number[] = [];
          for (const { volumeId, iops } of exported()) {
            if (isLeftOut()) {
              doubts?.add(volumeId);
              continue;
            }
            labels.push(`pvc-${volumeId}`);
            switch (kind) {
              case 'value':
                note(process, volumeId, iops);
                values.push(iops);
                break;
              case 'count': {
                const isFew = state.hasFew || (lot !== undefined && lot.random() < FEW_SHARE);
                if (isFew) few.add(volumeId);
                values.push(isFew ? 2 : samplesIn(query));
                break;
              }
              case 'last': {
                const agoMs = lot === undefined ? 0 : upTo(lot.random, 120_000);
                if (agoMs > OLD_MS) old.add(volumeId);
                values.push((atMs - agoMs) / 1_000);
                break;
              }
            }
          }
          return { labels, values };
        },
        signal,
      );
      return [answer];
    },
    sampleTimes: (_query, atMs, signal) =>
      ask(process, 'samples', () => [Array.from({ length: 8 }, (_, index) => atMs - (8 - index) * SCRAPE_MS)], signal),
  });
  function* tell(ways: Ways): Task<ReadonlyMap<string, Score> | undefined> {
    const { process } = ways;
    const lot = ways.lotFor('prometheus');
    const kind = lot?.random() ?? 1;
    if (state.isAway || kind < 0.2) {
      if (kind < 0.1) yield* sleep(process, QUERY_TIMEOUT_MS);
      return undefined;
    }
    const scores = new Map<string, Score>();
    for (const { volumeId, iops } of exported()) {
      // Left out, with few samples, or with old ones.
      if (lot !== undefined && kind < 0.4 && lot.random() < 0.5) continue;
      const isFew = state.hasFew || (lot !== undefined && kind >= 0.4 && kind < 0.7 && lot.random() < FEW_SHARE);
      const isOld = lot !== undefined && kind >= 0.7 && lot.random() < 0.5;
      if (isOld) scores.set(volumeId, { kind: 'unknown', reason: 'Stale' });
      else {
        scores.set(volumeId, { kind: 'value', iops, coverage: isFew ? 0.2 : 1 });
        if (!isFew) note(process, volumeId, iops);
      }
    }
    if (lot !== undefined) yield* sleep(process, upTo(lot.random, QUERY_TIMEOUT_MS));
    return scores;
  }
  return { serverOf, tell, answersOf: (volumeId) => answers.get(volumeId) ?? [] };
}

const leftOutBy = (lot: Lot | undefined) => (): boolean => lot !== undefined && lot.random() < 0.5;

function kindOf(query: string): 'value' | 'count' | 'last' {
  if (query.includes('count_over_time(')) return 'count';
  return query.includes('timestamp(') ? 'last' : 'value';
}

/** As many as fit into the window that the query names. */
function samplesIn(query: string): number {
  const seconds = Number(/\[(\d+)s\]/.exec(query)?.[1] ?? 60);
  return Math.max(2, Math.floor((seconds * 1_000) / SCRAPE_MS));
}
