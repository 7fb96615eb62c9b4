import {
  createAnnouncements,
  createCronerCalendar,
  createLeadership,
  createScorer,
  LEADERSHIP_TTL_MS,
  openObservations,
} from '@couchestor/scorer/parts';
import { leasesOf } from '../world/leases.ts';
import { SIZE_BYTES } from '../world/profile.ts';
import { noScorerMetrics, silentLogger, silentScoreLog } from '../world/silence.ts';
import type { Service } from './surroundings.ts';

const STARTUP_GRACE_MS = 10_000;

/** The scorer as its `main.ts` puts it together. */
export const runScorer: Service = async (
  process,
  { profile, bus: server, network, prometheus, leaseServer },
  signal,
) => {
  const { clock, name: instance } = process;
  const bus = server.connect(process);
  const ending = new AbortController();
  const observations = await openObservations(bus, () => clock.nowMs(), ending.signal);
  const elected = createLeadership(
    leasesOf(process, network, leaseServer, { ttlMs: LEADERSHIP_TTL_MS, callsPerSecond: 6 }),
    instance,
    clock,
    silentLogger,
  );
  // Others have their turn at every step of the virtual clock.
  const breathe = (): Promise<void> => Promise.resolve();
  let traces = 0;
  const scorer = createScorer({
    observations,
    announcements: createAnnouncements(bus, clock, breathe),
    server: prometheus.serverOf(process),
    calendar: createCronerCalendar(),
    leadership: elected,
    log: silentScoreLog,
    metrics: noScorerMetrics,
    clock,
    logger: silentLogger,
    breathe,
    randomHex: (bytes) => {
      traces += 1;
      return traces
        .toString(16)
        .padStart(2 * bytes, '0')
        .slice(-2 * bytes);
    },
    settings: {
      cycleMs: profile.cycleMs,
      debounceMs: profile.debounceMs,
      startupGraceMs: STARTUP_GRACE_MS,
      rebuildBytesPerSecond: Math.ceil(SIZE_BYTES / (profile.rebuildMs / 1_000)),
    },
  });
  await Promise.all([scorer.run(signal), elected.run(signal)]);
  ending.abort(new Error('the scorer stops'));
  await observations.ended;
};
