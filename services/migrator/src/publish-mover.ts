import { BusUnavailableError, type Bus } from '@couchestor/shared/bus';
import { pause, type Clock } from '@couchestor/shared/clock';
import type { Leases } from '@couchestor/shared/leases';
import { subjectToken, type MoverObserved, type SubjectToken } from '@couchestor/shared/messages';
import { isDependencyError } from './dependency-error.ts';
import { createPresence } from './presence.ts';

const LOOK_EVERY_MS = 1_000;
const FAREWELL_MS = 2_000;

/**
 * Publishes what this migrator can do and holds, whenever that changes, until the signal; then takes it back. What a
 * migrator told that died is taken back by those that live: once nobody has held the lease of its name for two lives of a
 * lease, however often it was looked. One that lives, and was only cut off, tells it again when it holds its lease again.
 */
export async function publishMover(options: {
  readonly bus: Bus;
  readonly leases: Pick<Leases, 'acquireLeadership' | 'renewLeadership' | 'releaseLeadership'>;
  readonly leaseTtlMs: number;
  readonly instance: string;
  readonly observe: () => MoverObserved;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What another told was taken back, since it is dead. */
  readonly onGone: (instance: string) => void;
  /** Ours could not be taken back, and stays until others do it. */
  readonly onLeft: (error: unknown) => void;
}): Promise<void> {
  const { bus, leases, leaseTtlMs, instance, observe, clock, signal, onGone, onLeft } = options;
  const id = subjectToken(instance);
  const presence = createPresence(leases, instance, clock);
  await using writer = await bus.openFactWriter('mover.observed', { signal });

  const every = async (ms: number, job: () => Promise<void>): Promise<void> => {
    while (!signal.aborted) {
      await job();
      await pause(clock, ms, signal);
    }
  };
  /** While Redis is away nobody is known to be dead, and nobody to have been so before. */
  const keep = async (): Promise<void> => {
    await presence.keep().catch(ignoreOutage);
  };
  const tell = async (): Promise<void> => {
    // What somebody took back stays away until we live in their eyes, or each would undo the other's work.
    if (!presence.isHeld() && ![...writer.ids()].includes(id)) return;
    await writer.set(id, observe(), { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  };
  const freeSinceMs = new Map<SubjectToken, number>();
  const sweep = async (): Promise<void> => {
    const others = new Set(writer.ids());
    others.delete(id);
    for (const other of freeSinceMs.keys()) if (!others.has(other)) freeSinceMs.delete(other);
    for (const other of others) {
      if (!(await presence.isFree(other))) {
        freeSinceMs.delete(other);
        continue;
      }
      const sinceMs = freeSinceMs.get(other) ?? clock.monotonicMs();
      freeSinceMs.set(other, sinceMs);
      if (clock.monotonicMs() - sinceMs < 2 * leaseTtlMs) continue;
      if ((await writer.delete(other, { signal })) === 'published') onGone(other);
    }
  };
  await Promise.all([
    every(leaseTtlMs / 3, keep),
    every(LOOK_EVERY_MS, tell),
    every(leaseTtlMs, () =>
      sweep().catch((error: unknown) => {
        freeSinceMs.clear();
        if (!signal.aborted) ignoreOutage(error);
      }),
    ),
  ]);

  const late = new AbortController();
  const cancel = clock.after(FAREWELL_MS, () => late.abort(new BusUnavailableError('a farewell')));
  try {
    await writer.delete(id, { signal: late.signal });
    await presence.end();
  } catch (error) {
    if (!isDependencyError(error)) throw error;
    onLeft(error);
  } finally {
    cancel();
  }
}

function ignoreOutage(error: unknown): void {
  if (!isDependencyError(error)) throw error;
}
