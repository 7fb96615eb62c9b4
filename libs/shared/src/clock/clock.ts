/** Time as an argument. Everything that waits or reads the time takes one, so that tests and simulations own it. */
export interface Clock {
  /** Wall time in milliseconds since 1970, as this process believes it. It may jump. */
  nowMs(): number;
  /** Milliseconds since an arbitrary moment of this process. It never goes back; use it for leases and deadlines. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason as soon as that is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `run` once after `ms`, unless the returned function was called before. */
  after(ms: number, run: () => void): () => void;
}
