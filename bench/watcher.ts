import { createSystemClock, pause } from '@couchestor/shared/clock';
import { kubeAssets } from '../libs/simulator/src/kubernetes/conformance/real-apiserver.ts';
import type { Benchmark, Figure } from './figures/figure.ts';
import { startWatcherBed, type RunningWatcher } from './fleet/watcher-bed.ts';

const MIB = 1024 ** 2;
const SIZES = (process.env['BENCH_VOLUMES'] ?? '10000,100000').split(',').map(Number);
const MEMORY_MIB_MAX = new Map([
  [10_000, 256],
  [100_000, 1_024],
]);
const QUIET_MS = Number(process.env['BENCH_QUIET_MS'] ?? 180_000);
/** News of the start may be on its way for so long after it was counted. */
const SETTLED_MS = 20_000;
const clock = createSystemClock();

/** The bundle as it is deployed: what it needs to know a fleet, and what it does while nothing happens. */
export const benchmark: Benchmark = {
  about: 'the bundled watcher at several sizes of a fleet, against a real API server and NATS',
  run: async (note) => {
    const assets = kubeAssets(process.env);
    if (assets === undefined) {
      const reason = 'COUCHESTOR_KUBE_ASSETS names no folder with etcd and kube-apiserver';
      if (process.env['COUCHESTOR_CI'] === 'true') throw new Error(`the watcher cannot be measured: ${reason}`);
      console.error(`\n*** SKIPPED, nothing was measured of the watcher: ${reason}\n`);
      return [];
    }
    const figures: Figure[] = [];
    for (const volumes of SIZES) {
      const measured = await measureFleet(assets, volumes, (line) => note(`${volumes}: ${line}`));
      figures.push(...measured.map((figure) => ({ ...figure, name: `${volumes}: ${figure.name}` })));
    }
    return figures;
  },
};

async function measureFleet(assets: string, volumes: number, note: (line: string) => void): Promise<readonly Figure[]> {
  note('filling the API server');
  await using bed = await startWatcherBed({ assets, volumes, clock });
  note('starting the watcher with an empty stream');
  const first = await timeStart(
    () => bed.startWatcher(),
    (watcher) => watcher.published(volumes),
  );
  await bed.untilCounted(volumes);
  const firstMemory = await first.watcher.memory();
  const firstLagMs = await first.watcher.eventLoopLagMs();
  await first.watcher.stop();
  note('starting it again');
  const second = await timeStart(
    () => bed.startWatcher(),
    (watcher) => watcher.ready(),
  );
  await pause(clock, SETTLED_MS, new AbortController().signal);
  const { watcher } = second;
  const startLagMs = await watcher.eventLoopLagMs();
  const startMemory = await watcher.memory();

  note(`letting nothing happen for ${QUIET_MS / 1_000} s`);
  const [requestsBefore, factsBefore] = [await bed.requests(), await watcher.facts()];
  await pause(clock, QUIET_MS, new AbortController().signal);
  const [requests, facts] = [await bed.requests(), await watcher.facts()];
  const quietLagMs = await watcher.eventLoopLagMs();
  const memory = await watcher.memory();
  const during = (kind: keyof typeof requests): number => requests[kind] - requestsBefore[kind];

  const memoryMax = MEMORY_MIB_MAX.get(volumes);
  const bound = memoryMax === undefined ? {} : { atMost: memoryMax };
  return [
    { name: 'from start to every fact published, empty stream', value: first.tookMs / 1_000, unit: 's' },
    { name: 'from start to all known, stream as it was left', value: second.tookMs / 1_000, unit: 's' },
    { name: 'resident memory at its peak, empty stream', value: firstMemory.peakBytes / MIB, unit: 'MiB', ...bound },
    { name: 'resident memory at its peak', value: memory.peakBytes / MIB, unit: 'MiB', ...bound },
    { name: 'resident memory once all is known', value: startMemory.nowBytes / MIB, unit: 'MiB' },
    { name: 'resident memory at the end', value: memory.nowBytes / MIB, unit: 'MiB' },
    { name: 'longest stop of the event loop at the start, empty stream', value: firstLagMs, unit: 'ms' },
    { name: 'longest stop of the event loop at the start', value: startLagMs, unit: 'ms' },
    { name: 'longest stop of the event loop while nothing happens', value: quietLagMs, unit: 'ms' },
    { name: 'reads of the API server while nothing happens', value: during('reads'), unit: '' },
    { name: 'watches begun while nothing happens', value: during('watches'), unit: '' },
    { name: 'renewals of the lease while nothing happens', value: during('renewals'), unit: '' },
    { name: 'other writes while nothing happens', value: during('otherWrites'), unit: '', atMost: 0 },
    { name: 'facts published while nothing happens', value: facts - factsBefore, unit: '', atMost: 0 },
  ];
}

async function timeStart(
  start: () => Promise<RunningWatcher>,
  done: (watcher: RunningWatcher) => Promise<void>,
): Promise<{ readonly watcher: RunningWatcher; readonly tookMs: number }> {
  const beganMs = clock.monotonicMs();
  const watcher = await start();
  await done(watcher);
  return { watcher, tookMs: clock.monotonicMs() - beganMs };
}
