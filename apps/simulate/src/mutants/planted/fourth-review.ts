import type { PlantedDefect } from './planted-defect.ts';

const core = 'services/migrator/src/core';
const migrator = 'services/migrator/src';
const scorer = 'services/scorer/src/core';

/** Written from the services and what they promise, and missed by all worlds that there were. */
export const byFourthReview: readonly PlantedDefect[] = [
  {
    name: 'registers what it has heard of',
    says: 'after a loss of data the moves count that news have come of, instead of those that are stored',
    file: `${migrator}/limits.ts`,
    find: 'const stored = await intents.list(signal);',
    replace: 'const stored = new Map(board.active()); void intents; void signal;',
  },
  {
    name: 'any later version of a policy will do',
    says: 'a move is taken up that was decided on by a version of its policy that is no more',
    file: `${core}/judge-request.ts`,
    find: 'if (policy.generation !== request.policyGeneration) {',
    replace: 'if (policy.generation < request.policyGeneration) {',
  },
  {
    name: 'what is under way to a migrator is no start',
    says: 'maxMovesPerHour is not counted for moves that were asked for and may yet begin',
    file: `${scorer}/allowance.ts`,
    find: 'const remaining = most - startsLastHour.length - outstandingElsewhere;',
    replace: 'const remaining = most - startsLastHour.length + 0 * outstandingElsewhere;',
  },
  {
    name: 'goes on without its pool',
    says: 'a move that waited for a person goes on whether there is room on the pool and the node of its round or not',
    file: `${migrator}/move.ts`,
    find: 'const holds = holdsOf(intent, intent.round, settings.fleet);',
    replace: 'const holds = holdsOf(intent, undefined, settings.fleet);',
  },
  {
    name: 'begins before the others count again',
    says: 'a move is taken up before those in flight, whose room has lapsed, are registered again',
    file: `${migrator}/requests.ts`,
    find: "if (!limits.areKnown()) return later(request, 'NoSlot', 'the limits are not registered yet', traceparent);",
    replace: '',
  },
  {
    name: 'does not wait for the records',
    says: 'a migrator registers what is in flight before it has read the records, and takes the room of that for free',
    file: `${migrator}/migrator.ts`,
    find: 'await Promise.race([board.synced, aborted(stopped)]);',
    replace: 'void aborted;',
  },
];
