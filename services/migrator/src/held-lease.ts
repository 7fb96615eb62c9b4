import type { Clock } from '@couchestor/shared/clock';

interface LeaseTerm {
  readonly validUntilMonotonicMs: number;
}

/** A lease that is renewed for as long as it is held. */
export interface HeldLease extends AsyncDisposable {
  /** Whether it certainly lasts for another `leadMs`. */
  lasts(leadMs: number): boolean;
  /** It lapsed or went to somebody else: what it guarded may not be touched any more. */
  readonly lost: boolean;
  /** Its term is over, and no renewal had an answer for so long. */
  readonly lapsed: boolean;
  /** Gives it back. */
  release(): Promise<void>;
}

export interface LeaseKeeping {
  readonly clock: Clock;
  readonly term: LeaseTerm;
  readonly renewEveryMs: number;
  /** The new term; undefined if the lease is somebody else's. Rejects when there was no answer. */
  readonly renew: () => Promise<LeaseTerm | undefined>;
  readonly release: () => Promise<void>;
  /** Told of renewals that had no answer; the lease goes on until its term is over. */
  readonly onError: (error: unknown) => void;
}

export function keepLease({ clock, term, renewEveryMs, renew, release, onError }: LeaseKeeping): HeldLease {
  let validUntilMs = term.validUntilMonotonicMs;
  let lost = false;
  let denied = false;
  const stop = new AbortController();

  const keep = async (): Promise<void> => {
    let waitMs = renewEveryMs;
    for (;;) {
      await clock.sleep(waitMs, stop.signal);
      waitMs = renewEveryMs;
      try {
        const next = await renew();
        if (next === undefined) {
          denied = true;
          lost = true;
          return;
        }
        validUntilMs = Math.max(validUntilMs, next.validUntilMonotonicMs);
      } catch (error) {
        // Calls stop some time before the term is over, so the next try must not wait for as long as a success does.
        waitMs = renewEveryMs / 5;
        onError(error);
      }
      if (clock.monotonicMs() >= validUntilMs) {
        lost = true;
        return;
      }
    }
  };
  const kept = keep().catch((error: unknown) => {
    if (!stop.signal.aborted) onError(error);
  });

  const end = async (): Promise<void> => {
    stop.abort(new Error('the lease is given back'));
    await kept;
  };
  return {
    lasts: (leadMs) => !lost && clock.monotonicMs() + leadMs <= validUntilMs,
    get lost() {
      return lost || clock.monotonicMs() >= validUntilMs;
    },
    get lapsed() {
      return !denied && clock.monotonicMs() >= validUntilMs;
    },
    release: async () => {
      await end();
      if (!lost) await release();
      lost = true;
    },
    [Symbol.asyncDispose]: end,
  };
}
