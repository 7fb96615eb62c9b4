/*
 * How the budget of calls is kept to the letter. A budget of n calls a second is n slots. A grant takes one until a
 * second after the last moment in which its call may be sent, and who comes later to send it asks again. So each slot
 * sends once a second at most, and all of them n times, by the clock of whoever sends.
 */

/** A grant is good for so long at least, counted from when it was asked for. */
export const CALL_LIFE_MIN_MS = 50;
/** No grant is good for longer. */
export const CALL_LIFE_MAX_MS = 1_000;
/** For so long after that the slot stays taken: a second, and by how much longer than another a call may travel. */
export const SLOT_KEPT_MS = 1_050;
/** After so long nothing counts any more that was granted before. */
export const SLOT_TAKEN_MAX_MS = CALL_LIFE_MAX_MS + SLOT_KEPT_MS;
