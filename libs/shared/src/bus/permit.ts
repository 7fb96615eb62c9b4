import type { Heartbeat } from '../messages/index.ts';

export interface PermitWatchOptions {
  readonly signal: AbortSignal;
  /**
   * `isFirst` marks the first value after a start, a reconnect or a new reader: it may be an old one that was still
   * there, so it does not count as a sign of life.
   */
  readonly onHeartbeat: (heartbeat: Heartbeat, revision: number, isFirst: boolean) => void;
  /** The leader took its heartbeat away. Expiry is not reported: the reader's own clock tells. */
  readonly onCleared?: () => void;
}

/** The heartbeat without which no migrator acts. */
export interface Permit {
  /**
   * One try with a deadline of 1 s, and none while disconnected: a heartbeat that arrives late would say what is no
   * longer true.
   * @throws BusUnavailableError
   */
  write(heartbeat: Heartbeat): Promise<void>;
  /** Takes the heartbeat away. One try. @throws BusUnavailableError */
  clear(): Promise<void>;
  /** Resolves when the signal is aborted; outages are waited out. */
  watch(options: PermitWatchOptions): Promise<void>;
}
