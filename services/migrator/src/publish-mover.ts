import { BusUnavailableError, type Bus } from '@couchestor/shared/bus';
import { pause, type Clock } from '@couchestor/shared/clock';
import { subjectToken, type MoverObserved } from '@couchestor/shared/messages';
import { isDependencyError } from './dependency-error.ts';

const LOOK_EVERY_MS = 1_000;

/** Publishes what this migrator can do and holds, whenever that changes, until the signal; then takes it back. */
export async function publishMover(options: {
  readonly bus: Bus;
  readonly instance: string;
  readonly observe: () => MoverObserved;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** It could not be taken back, and stays as after a crash. */
  readonly onLeft: (error: unknown) => void;
}): Promise<void> {
  const { bus, observe, clock, signal, onLeft } = options;
  const id = subjectToken(options.instance);
  await using writer = await bus.openFactWriter('mover.observed', { signal });
  while (!signal.aborted) {
    await writer.set(id, observe(), { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    await pause(clock, LOOK_EVERY_MS, signal);
  }
  const late = new AbortController();
  const cancel = clock.after(FAREWELL_MS, () => late.abort(new BusUnavailableError('a farewell')));
  try {
    await writer.delete(id, { signal: late.signal });
  } catch (error) {
    if (!isDependencyError(error)) throw error;
    onLeft(error);
  } finally {
    cancel();
  }
}

const FAREWELL_MS = 2_000;
