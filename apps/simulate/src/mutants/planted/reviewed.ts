import type { PlantedDefect } from './planted-defect.ts';

const core = 'services/migrator/src/core';
const migrator = 'services/migrator/src';

/** Written by somebody who read the services and did not think of the worlds, to see what those are worth. */
export const byReview: readonly PlantedDefect[] = [
  {
    name: 'takes over by a lease that is gone',
    world: 'frozen owners',
    says: 'a lease that was lost while its new owner waited is as good as one that was not',
    file: `${migrator}/adoption.ts`,
    find: "if (stored?.intent.state !== 'active' || ownership.lost) return;",
    replace: "if (stored?.intent.state !== 'active') return;",
  },
  {
    name: 'grows before it has heard of others',
    world: 'tight pools',
    says: 'rounds that were stored before the own one and are not heard of yet fill nothing',
    file: `${core}/add-replica.ts`,
    find: "if (evidence.arriving === undefined) return { kind: 'look', at: 'arriving' };\n  if (wouldOverfill(intent, volume, target, evidence.arriving)) return giveUp;",
    replace: 'if (wouldOverfill(intent, volume, target, evidence.arriving ?? new Map())) return giveUp;',
  },
  {
    name: 'leaves open what is of no use just now',
    world: 'dead nodes',
    says: 'pools that cannot take the replica at this moment are left out of the fence',
    file: `${core}/fence.ts`,
    find: 'if (refusal !== undefined && refusalLasts(refusal)) continue;',
    replace: 'if (refusal !== undefined && refusalLasts(refusal) !== undefined) continue;',
  },
  {
    name: 'one zone less will do',
    world: 'few zones',
    says: 'a volume may come to lie in one zone less than before',
    file: `${core}/plan-rounds.ts`,
    find: 'zonesAfter(occupied, from, pool.node, cluster.nodes) >= zonesNeeded)',
    replace: 'zonesAfter(occupied, from, pool.node, cluster.nodes) >= zonesNeeded - 1)',
  },
  {
    name: 'keeps the pool of the round before',
    world: 'scarce slots',
    says: 'a round that has ended goes on counting against its pool and its node',
    file: `${migrator}/move.ts`,
    find: 'await fence.drop();\n        return holdNoPool();',
    replace: 'return fence.drop();',
  },
  {
    name: 'gives the room back at once',
    world: 'scarce slots',
    says: 'what a move counts against is given back when Mayastor was asked, whatever it said',
    file: `${migrator}/requests.ts`,
    find: 'if (!isSo) await leases.releaseHolds(request.migrationId, token);',
    replace: 'if (!isSo || token > 0) await leases.releaseHolds(request.migrationId, token);',
  },
  {
    name: 'looks after a late call beside a move',
    world: 'late calls',
    says: 'a late call is undone though another move of the volume is in flight and sees to the count',
    file: `${migrator}/late-calls.ts`,
    find: "if (record?.state === 'active') return;",
    replace: '',
  },
  {
    name: 'cooldown by the annotation alone',
    world: 'watchers are late',
    says: 'the migrator goes by what the watcher wrote on the volume, and not by its own record',
    file: `${core}/judge-request.ts`,
    find: 'const sinceMs = nowMs - Math.max(annotatedMs, recordedMs);',
    replace: 'const sinceMs = nowMs - Math.min(annotatedMs, recordedMs + 1e15);',
  },
  {
    name: 'does not look at the nodes that stay',
    world: 'dead nodes',
    says: 'the count drops while the node or the pool of a replica that stays is away',
    file: `${core}/drop-replica.ts`,
    find: 'if (!kept.every(({ node, pool }) => nodes.get(node)?.online === true && pools.get(pool)?.online === true)) {',
    replace: 'if (!kept.every(({ node, pool }) => nodes.has(node) && pools.has(pool))) {',
  },
  {
    name: 'one replica less, even of two',
    world: 'no room beside',
    says: 'where no node is free a volume of two replicas has one for a while',
    file: `${core}/plan-rounds.ts`,
    find: 'if (intent.allowReducedRedundancy && volume.replicas.length > LEAST_REDUCED) {',
    replace: 'if (intent.allowReducedRedundancy && volume.replicas.length >= LEAST_REDUCED) {',
  },
  {
    name: 'an old owner may take limits',
    world: 'frozen owners',
    says: 'who owned a move before changes what it holds',
    file: 'libs/shared/src/leases/memory-lease-server.ts',
    find: "if (record !== undefined && isOvertaken(request, record)) return { kind: 'superseded' };\n    const mine",
    replace: 'const mine',
  },
  {
    name: 'does not read again what was passed over',
    world: 'watchers come and go',
    says: 'events that were read before a policy was known to be further behind stay uncounted',
    file: 'services/watcher/src/tasks/fold-events.ts',
    find: "if (this.#options.book.adopt(policyId, status))\n      this.#restart.abort(new Error('events of a policy were passed over'));",
    replace: 'this.#options.book.adopt(policyId, status);',
  },
];
