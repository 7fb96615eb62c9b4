import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '@couchestor/shared/clock';
import { MINUTE_MS } from '@couchestor/shared/units';
import { exponentOf, meanOf, quantileOf, type Benchmark, type Figure } from './figures/figure.ts';
import { writeHistory } from './fleet/history.ts';
import { askFloor, askOneByOne, questionsOf } from './fleet/questions.ts';
import { startScorerBed, type ScorerBed } from './fleet/scorer-bed.ts';
import { aPolicy } from './fleet/volumes.ts';
import { startPrometheus } from '@couchestor/servers';

const MIB = 1024 ** 2;
const SIZES = (process.env['BENCH_VOLUMES'] ?? '1000,10000,100000').split(',').map(Number);
const MEMORY_MIB_MAX = new Map([
  [10_000, 256],
  [100_000, 1_024],
]);
const CYCLES = 4;
const FLOOR_ROUNDS = 3;
const EDITS = 100;
const EDITED_FLEET = 10_000;
const clock = createSystemClock();

interface Measured {
  readonly volumes: number;
  readonly cycleMs: number;
  readonly figures: readonly Figure[];
}

/** The bundle as it is deployed, against real servers: what a cycle costs beside what Prometheus alone needs for it. */
export const benchmark: Benchmark = {
  about: 'the bundled scorer at several sizes of a fleet, against a real Prometheus (on one processor) and NATS',
  run: async (note) => {
    const measured: Measured[] = [];
    for (const volumes of SIZES) measured.push(await measureFleet(volumes, (line) => note(`${volumes}: ${line}`)));
    const points = measured.map(({ volumes, cycleMs }) => [volumes, cycleMs] as const);
    return [
      ...measured.flatMap(({ volumes, figures }) =>
        figures.map((figure) => ({ ...figure, name: `${volumes}: ${figure.name}` })),
      ),
      ...(points.length < 2
        ? []
        : [{ name: 'growth of a cycle with the fleet, exponent', value: exponentOf(points), unit: '' }]),
    ];
  },
};

async function measureFleet(volumes: number, note: (line: string) => void): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'couchestor-bench-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true }));
  note('writing the history');
  const history = { volumes, folder, nowMs: clock.nowMs(), intervalMs: MINUTE_MS };
  await writeHistory({ ...history, pastMs: 65 * MINUTE_MS, futureMs: 30 * MINUTE_MS });
  const questions = questionsOf(aPolicy(1), MINUTE_MS);
  const { COUCHESTOR_PROMETHEUS_URL: _given, ...env } = process.env;
  // In a cluster it is on another node; here all of them share one machine, and it would take whatever there is.
  const onOneProcessor = { ...env, GOMAXPROCS: '1' };
  const prometheus = stack.use(await startPrometheus({ env: onOneProcessor, tsdbFolder: join(folder, 'tsdb') }));

  note('asking Prometheus alone');
  const before = await askFloor(prometheus.url, questions, FLOOR_ROUNDS, clock);
  note('publishing the facts');
  const bed = stack.use(await startScorerBed({ volumes, prometheusUrl: prometheus.url, clock }));
  note('waiting for the first decisions');
  await bed.decided();
  const firstPeakBytes = await peakBytes(bed.pid);
  const startLagMs = await bed.eventLoopLagMs();
  note('letting it run without a change');
  const quiet = await quietCycles(bed);
  const edits = volumes === EDITED_FLEET ? await timeEdits(bed) : [];
  const peak = await peakBytes(bed.pid);
  const editsLagMs = await bed.eventLoopLagMs();
  await bed.stop();
  note('asking Prometheus alone, again');
  const after = await askFloor(prometheus.url, questions, FLOOR_ROUNDS, clock);
  const single = await askOneByOne(prometheus.url, volumes, clock);

  const floorMs = meanOf([...before.roundsMs, ...after.roundsMs]);
  const { cycleMs } = quiet;
  const memoryMax = MEMORY_MIB_MAX.get(volumes);
  const figures: Figure[] = [
    { name: 'Prometheus alone: its answers and one parse of each', value: floorMs, unit: 'ms' },
    { name: 'bytes of its answers', value: before.bytes / MIB, unit: 'MiB' },
    { name: 'a cycle: asked, scored, decided, published', value: cycleMs, unit: 'ms' },
    { name: 'a cycle ÷ Prometheus alone', value: cycleMs / floorMs, unit: '', atMost: 1.5 },
    { name: 'one query per volume ÷ a cycle', value: (single.perVolumeMs * volumes) / cycleMs, unit: '' },
    { name: 'decisions per second', value: (volumes / quiet.decideMs) * 1_000, unit: '' },
    { name: 'processor time of a quiet cycle', value: quiet.processorMs, unit: 'ms' },
    { name: 'messages of state in quiet cycles', value: quiet.messages, unit: '', atMost: 0 },
    { name: 'longest stop of the event loop in quiet cycles', value: quiet.lagMs, unit: 'ms', atMost: 50 },
    { name: 'of its time ready to run, the main thread waited for a processor', value: quiet.waitedShare, unit: '' },
    {
      name: 'resident memory at its peak',
      value: peak / MIB,
      unit: 'MiB',
      ...(memoryMax === undefined ? {} : { atMost: memoryMax }),
    },
    { name: 'resident memory after the start', value: firstPeakBytes / MIB, unit: 'MiB' },
    { name: 'from start to all decisions', value: bed.firstDecisionsMs, unit: 'ms' },
    { name: 'longest stop of the event loop until then', value: startLagMs, unit: 'ms', atMost: 50 },
  ];
  if (edits.length > 0) {
    figures.push(
      { name: 'longest stop of the event loop in edits', value: editsLagMs, unit: 'ms', atMost: 50 },
      { name: 'policy edit to decision in force, median', value: quantileOf(edits, 0.5), unit: 'ms' },
      { name: 'policy edit to decision in force, p99', value: quantileOf(edits, 0.99), unit: 'ms', atMost: 1_000 },
    );
  }
  for (const { name, value, unit } of figures) note(`${name}: ${value.toPrecision(4)} ${unit}`);
  return { volumes, cycleMs, figures };
}

async function quietCycles(bed: ScorerBed): Promise<{
  readonly cycleMs: number;
  readonly decideMs: number;
  readonly processorMs: number;
  readonly messages: number;
  readonly lagMs: number;
  /** What others took of its processors: a stop is the scorer's own where this is little. */
  readonly waitedShare: number;
}> {
  await bed.cyclesPassed(2);
  await bed.eventLoopLagMs();
  const scheduledBefore = await scheduled(bed.pid);
  const messagesBefore = await bed.stateMessages();
  const begun = await bed.totals();
  const lags: number[] = [];
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    await bed.cyclesPassed(1);
    lags.push(await bed.eventLoopLagMs());
  }
  const ended = await bed.totals();
  const scheduledAfter = await scheduled(bed.pid);
  const [ran, waited] = [scheduledAfter.ran - scheduledBefore.ran, scheduledAfter.waited - scheduledBefore.waited];
  const mean = (
    seconds: 'cycleSeconds' | 'decideSeconds' | 'passSeconds' | 'processorSeconds',
    count: 'cycles' | 'decides' | 'passes',
  ): number => ((ended[seconds] - begun[seconds]) * 1_000) / (ended[count] - begun[count]);
  return {
    cycleMs: mean('cycleSeconds', 'cycles') + mean('passSeconds', 'passes'),
    decideMs: mean('decideSeconds', 'decides'),
    processorMs: mean('processorSeconds', 'cycles'),
    messages: (await bed.stateMessages()) - messagesBefore,
    lagMs: Math.max(...lags),
    waitedShare: waited / (ran + waited),
  };
}

/** Each edit moves the high watermark over about one volume in a hundred. */
async function timeEdits(bed: ScorerBed): Promise<readonly number[]> {
  const took: number[] = [];
  for (let edit = 1; edit <= EDITS; edit += 1) {
    const high = edit % 2 === 0 ? 5_000 : 5_200;
    took.push(await bed.applied(aPolicy(1 + edit, { highWatermarkIOPS: high })));
  }
  return took;
}

/** Nanoseconds that the main thread ran, and that it could have run and had no processor, since it began. */
async function scheduled(pid: number): Promise<{ readonly ran: number; readonly waited: number }> {
  const [ran = Number.NaN, waited = Number.NaN] = (await readFile(`/proc/${pid}/task/${pid}/schedstat`, 'utf8'))
    .split(' ')
    .map(Number);
  return { ran, waited };
}

/** The most that the process ever had in memory. */
async function peakBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}
