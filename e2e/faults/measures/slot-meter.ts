/** How many slots were held over time, and how many could have been: both by what was written, when it was written. */
export interface SlotMeter {
  /** From now on so many are held, and so much other work waits for one. */
  note(atMs: number, held: number, waiting: number): void;
  /** Counts from here on alone. */
  reset(atMs: number): void;
  read(atMs: number): SlotUse;
}

export interface SlotUse {
  /** Time in which work waited, and the part of it that slots were held, over all slots: 0 to 1. */
  readonly waitingMs: number;
  readonly heldShare: number;
  /** The most that were held at one time. */
  readonly most: number;
}

export function createSlotMeter(slots: number): SlotMeter {
  let sinceMs = Number.NaN;
  let held = 0;
  let waiting = 0;
  let waitingMs = 0;
  let heldMs = 0;
  let most = 0;
  const advance = (atMs: number): void => {
    // More work than free slots: otherwise a free slot is nobody's fault.
    if (waiting > slots - held) {
      waitingMs += atMs - sinceMs;
      heldMs += (atMs - sinceMs) * Math.min(held, slots);
    }
    sinceMs = atMs;
  };
  return {
    note: (atMs, nowHeld, nowWaiting) => {
      if (!Number.isNaN(sinceMs)) advance(atMs);
      sinceMs = atMs;
      held = nowHeld;
      waiting = nowWaiting;
      most = Math.max(most, held);
    },
    reset: (atMs) => {
      sinceMs = atMs;
      waitingMs = 0;
      heldMs = 0;
      most = held;
    },
    read: (atMs) => {
      advance(atMs);
      return { waitingMs, heldShare: waitingMs === 0 ? 1 : heldMs / (waitingMs * slots), most };
    },
  };
}
