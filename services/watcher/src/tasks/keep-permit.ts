import { pause, type Clock } from '@couchestor/shared/clock';
import { formatTimestamp } from '@couchestor/shared/units';
import type { Control } from '../core/objects.ts';
import { same } from '../core/same.ts';
import type { ControlSource, Log, Measures, PermitSink } from '../ports.ts';

export const HEARTBEAT_PERIOD_MS = 2_000;
/** An answer of the API server older than this is not passed on: the next one is due by then. */
const CONTROL_TIMEOUT_MS = 1_500;

export interface PermitOptions {
  readonly leader: string;
  readonly control: ControlSource;
  readonly permit: PermitSink;
  readonly clock: Clock;
  readonly log: Log;
  readonly measures: Measures;
  readonly onControl: (control: Control) => void;
  /** Whether the end of the heartbeat is to be told at once, and not only found out when it expires. */
  readonly mayClear: () => boolean;
}

/**
 * Asks Kubernetes every 2 s whether everything is paused, and passes the answer on as the heartbeat that migrators act
 * under. No answer, no heartbeat. When the signal is aborted the heartbeat ends at once.
 */
export async function keepPermit(options: PermitOptions, signal: AbortSignal): Promise<void> {
  const { clock, permit, log } = options;
  let last: Control | undefined;
  let problem: string | undefined;
  try {
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs();
      try {
        const control = await beat(options, signal);
        if (problem !== undefined) log.info({}, 'permit is written again');
        problem = undefined;
        if (!same(last, control)) options.onControl(control);
        if (last?.paused !== control.paused) {
          log.info({ paused: control.paused, reason: control.reason }, control.paused ? 'paused' : 'not paused');
        }
        last = control;
      } catch (error) {
        if (signal.aborted) break;
        const why = error instanceof Error ? error.message : String(error);
        if (why !== problem) log.warn({ err: error }, 'permit not written, moves rest until it is');
        problem = why;
      }
      const restMs = Math.max(0, startedMs + HEARTBEAT_PERIOD_MS - clock.monotonicMs());
      await pause(clock, restMs, signal);
    }
  } finally {
    if (options.mayClear()) {
      await permit.clear().catch((error: unknown) => log.info({ err: error }, 'permit left to expire'));
    }
  }
}

async function beat(
  { leader, control: source, permit, clock, measures }: PermitOptions,
  signal: AbortSignal,
): Promise<Control> {
  const sentAt = formatTimestamp(clock.nowMs());
  const askedMs = clock.monotonicMs();
  const timeout = new AbortController();
  const expire = (): void => timeout.abort(new Error(`the API server gave no answer within ${CONTROL_TIMEOUT_MS} ms`));
  const cancel = clock.after(CONTROL_TIMEOUT_MS, expire);
  try {
    const control = await source.read(AbortSignal.any([signal, timeout.signal]));
    // A process that stood still takes in what came meanwhile before any timer, that of its own lease included.
    if (clock.monotonicMs() - askedMs > CONTROL_TIMEOUT_MS) expire();
    timeout.signal.throwIfAborted();
    signal.throwIfAborted();
    await permit.write({
      leader,
      sentAt,
      paused: control.paused,
      ...(control.reason === undefined ? {} : { reason: control.reason }),
    });
    measures.permitWritten();
    return control;
  } finally {
    cancel();
  }
}
