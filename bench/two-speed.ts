import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPrometheus } from '@couchestor/servers';
import { createSystemClock } from '@couchestor/shared/clock';
import { MINUTE_MS } from '@couchestor/shared/units';
import { exponentOf, meanOf, type Benchmark, type Figure } from './figures/figure.ts';
import { writeHistory } from './fleet/history.ts';
import { askFloor, questionsOf } from './fleet/questions.ts';
import { aPolicy } from './fleet/volumes.ts';

const MIB = 1024 ** 2;
const SIZES = (process.env['BENCH_VOLUMES'] ?? '1000,10000').split(',').map(Number);
const INTERVAL_MS = Number(process.env['BENCH_INTERVAL_MS'] ?? MINUTE_MS);
/** Four of the longer memory, which is four times the window of an hour. */
const REACH_MS = 16 * 60 * MINUTE_MS;
const ROUNDS = 3;
const clock = createSystemClock();

/** What two memories cost beside one average over the shorter of them, at Prometheus and in bytes to read. */
export const benchmark: Benchmark = {
  about: 'the questions of scoring.method TwoSpeed beside those of Average, at several sizes of a fleet',
  run: async (note) => {
    const figures: Figure[] = [];
    const points: (readonly [number, number])[] = [];
    for (const volumes of SIZES) {
      const folder = await mkdtemp(join(tmpdir(), 'couchestor-bench-'));
      await using stack = new AsyncDisposableStack();
      stack.defer(() => rm(folder, { recursive: true }));
      note(`${volumes}: writing the history`);
      const history = { volumes, folder, nowMs: clock.nowMs(), intervalMs: INTERVAL_MS };
      await writeHistory({ ...history, pastMs: REACH_MS + 5 * INTERVAL_MS, futureMs: 15 * MINUTE_MS });
      const { COUCHESTOR_PROMETHEUS_URL: _given, ...env } = process.env;
      const prometheus = stack.use(await startPrometheus({ env, tsdbFolder: join(folder, 'tsdb') }));
      note(`${volumes}: asking`);
      const asked = async (method: 'Average' | 'TwoSpeed') => {
        const questions = questionsOf(aPolicy(1, { scoring: { method } }), INTERVAL_MS);
        const { roundsMs, bytes } = await askFloor(prometheus.url, questions, ROUNDS, clock);
        return { questions: questions.length, ms: meanOf(roundsMs), bytes };
      };
      const average = await asked('Average');
      const twoSpeed = await asked('TwoSpeed');
      points.push([volumes, twoSpeed.ms]);
      const of = (name: string): string => `${volumes}: ${name}`;
      figures.push(
        { name: of('questions with TwoSpeed'), value: twoSpeed.questions, unit: '' },
        { name: of('Average: answers and one parse of each'), value: average.ms, unit: 'ms' },
        { name: of('TwoSpeed: answers and one parse of each'), value: twoSpeed.ms, unit: 'ms' },
        { name: of('TwoSpeed ÷ Average'), value: twoSpeed.ms / average.ms, unit: '' },
        { name: of('bytes of the answers with TwoSpeed'), value: twoSpeed.bytes / MIB, unit: 'MiB' },
      );
    }
    if (points.length < 2) return figures;
    return [...figures, { name: 'growth of TwoSpeed with the fleet, exponent', value: exponentOf(points), unit: '' }];
  },
};
