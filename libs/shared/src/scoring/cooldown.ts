const REGRET_DOUBLINGS_MAX = 6;

/** The cooldown of a volume: the policy's, doubled for each move in a row that undid the one before too soon. */
export function cooldownOf(cooldownMs: number, regretsInRow: number): number {
  return cooldownMs * 2 ** Math.min(regretsInRow, REGRET_DOUBLINGS_MAX);
}

/**
 * Whether a move back, `restedMs` after the last one ended, undoes that one too soon. Too soon is within twice the
 * cooldown: earlier than one it cannot be, and a move that pays rests longer than that.
 */
export function undoneTooSoon(restedMs: number, cooldownMs: number, regretsInRow: number): boolean {
  return restedMs < 2 * cooldownOf(cooldownMs, regretsInRow);
}
