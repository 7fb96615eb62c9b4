import type { PlantedDefect } from './planted-defect.ts';

const mayastor = 'libs/shared/src/mayastor';
const leases = 'libs/shared/src/leases';

/** How often Mayastor is called: slots that Redis gives out, and what becomes of a grant that is late. */
export const inTheBudget: readonly PlantedDefect[] = [
  {
    name: 'a slot is free too soon',
    says: 'a slot is free again half a second after its call',
    file: `${mayastor}/call-life.ts`,
    find: 'export const SLOT_KEPT_MS = 1_050;',
    replace: 'export const SLOT_KEPT_MS = 500;',
  },
  {
    name: 'one slot too many',
    says: 'a budget of six calls has seven slots',
    file: `${leases}/memory-lease-server.ts`,
    find: 'const freeAtMs = taken[taken.length - callsPerSecond];',
    replace: 'const freeAtMs = taken[taken.length - callsPerSecond - 1];',
  },
  {
    name: 'a late grant is used',
    says: 'a call is sent however long ago it was granted',
    file: `${mayastor}/paced-sender.ts`,
    find: 'isLate = leftMs < 0;',
    replace: 'isLate = leftMs < -1e9;',
  },
  {
    name: 'the life of a grant counts from its answer',
    says: 'a grant is good for its whole life when it comes, however long it was on its way',
    file: `${mayastor}/paced-sender.ts`,
    find: 'const goodUntilMs = await pace(kind, grantedMs, request.signal);',
    replace: 'const goodUntilMs = clock.monotonicMs() * 0 + (await pace(kind, grantedMs, request.signal)) + 900;',
  },
  {
    name: 'a Redis that forgot grants at once',
    says: 'after a loss of data calls are granted beside those that were granted before',
    file: `${leases}/memory-lease-server.ts`,
    find: 'state.slotsTakenUntilMs = Array.from({ length: callsPerSecond + 1 }, () => nowMs + SLOT_TAKEN_MAX_MS);',
    replace: 'state.slotsTakenUntilMs = [];',
  },
  {
    name: 'slots are not taken',
    says: 'what is granted takes no slot',
    file: `${leases}/memory-lease-server.ts`,
    find: 'else taken.push(nowMs + lifeMs + SLOT_KEPT_MS);',
    replace: '',
  },
];
