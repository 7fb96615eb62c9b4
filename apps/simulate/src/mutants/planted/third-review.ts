import type { PlantedDefect } from './planted-defect.ts';

const core = 'services/migrator/src/core';
const migrator = 'services/migrator/src';
const leases = 'libs/shared/src/leases';

/** At places that no other is planted at, written before it was known what would notice them. */
export const byThirdReview: readonly PlantedDefect[] = [
  {
    name: 'no limit for bytes',
    says: 'bytes in flight are not counted',
    file: `${core}/holds.ts`,
    find: "{ key: 'bytes', amount: Math.min(intent.sizeBytes, fleet.bytes), limit: fleet.bytes },",
    replace: '',
  },
  {
    name: 'a count without an answer is over at once',
    world: 'late effects',
    says: 'a count that had no answer is not waited for',
    file: `${migrator}/count-doubts.ts`,
    find: 'doubt = { replicaCount, untilMs: clock.monotonicMs() + lateMs };',
    replace: 'doubt = { replicaCount, untilMs: clock.monotonicMs() + 0 * lateMs };',
  },
  {
    name: 'goes on without room',
    says: 'a move that waited for a person goes on whether there is room for it or not',
    file: `${migrator}/move.ts`,
    find: 'if (answer.granted) await record.write(change.attentionOver(intent));',
    replace: 'if (answer.granted || token > 0) await record.write(change.attentionOver(intent));',
  },
  {
    name: 'what was given back is registered again',
    says: 'whoever lists moves of a moment ago takes the room again that their owners have given back',
    file: `${leases}/memory-lease-server.ts`,
    find: 'if (record === undefined || (record.released && ownerToken > record.token)) {',
    replace: 'if (record === undefined || record.released) {',
  },
  {
    name: 'a swap only adds',
    says: 'the room of a round before is held beside that of the next',
    file: `${leases}/memory-lease-server.ts`,
    find: "const next = new Map(mode === 'add' ? mine : []);",
    replace: 'const next = new Map(mine);',
  },
  {
    name: 'an ignored steer is tried again',
    world: 'no steer',
    says: 'that another replica went than the steered one is no reason to stop',
    file: `${core}/drop-replica.ts`,
    find: 'if (!present.has(steer.victimReplicaId)) return undefined;',
    replace: 'if (present.size > 0) return undefined;',
  },
];
