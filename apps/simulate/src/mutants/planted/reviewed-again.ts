import type { PlantedDefect } from './planted-defect.ts';

const core = 'services/migrator/src/core';

/** Ten more, written from what the product promises without a look at the worlds, and what is like them. */
export const byAnotherReview: readonly PlantedDefect[] = [
  {
    name: 'takes a person’s cordon for its own',
    says: 'a pool that a person had cordoned before is listed as cordoned by the move, and opened after it',
    file: `${core}/fence.ts`,
    find: '(pool.cordoned || node?.cordoned === true ? foreign : ours).add(pool.name);',
    replace: '(node?.cordoned === true ? foreign : ours).add(pool.name);',
  },
  {
    name: 'gone at first sight',
    says: 'a volume that one read does not show counts as deleted',
    file: `${core}/next-step.ts`,
    find: 'const isGone = settled(evidence, capabilities);',
    replace: 'const isGone = evidence.stableForMs >= 0;',
  },
  {
    name: 'waits for a copy for ever',
    says: 'migrationTimeout ends nothing',
    file: `${core}/next-step.ts`,
    find: 'if (!synced && evidence.nowMs - parseTimestampMs(round.addedAt) > intent.syncTimeoutMs) {',
    replace: 'if (!synced && evidence.nowMs - parseTimestampMs(round.addedAt) > 1e12) {',
  },
  {
    name: 'failures are not counted',
    says: 'the status of a policy does not say how many of its moves failed',
    file: 'services/watcher/src/core/ledger.ts',
    find: "failedMigrations: ledger.failedMigrations + (move.outcome.kind === 'failed' ? 1 : 0),",
    replace: 'failedMigrations: ledger.failedMigrations,',
  },
  {
    name: 'a failed move is a last move',
    says: 'the annotation last-migration is written at any end',
    file: 'services/watcher/src/tasks/fold-events.ts',
    find: "if (step.kind === 'ended' && step.move.outcome.kind === 'completed') await this.#annotate(step.move, signal);",
    replace: "if (step.kind === 'ended') await this.#annotate(step.move, signal);",
  },
  {
    name: 'shrinks an unpublished volume',
    says: 'the count drops although no target says which replicas are filled',
    file: `${core}/drop-replica.ts`,
    find: "return waitOrAttend(intent, evidence, 'NotPublished', 'the volume was unpublished with one replica too many');",
    replace: "return { kind: 'shrink', replicaCount, victimReplicaId: victim.replicaId };",
  },
  {
    name: 'keeps room while a person is waited for',
    says: 'a move that needs attention goes on counting against the limits',
    file: 'services/migrator/src/move.ts',
    find: '// Each time, since whoever wrote it may have died before it came to this.\n        await leases.releaseHolds(migrationId, token);',
    replace: '',
  },
  {
    name: 'the younger policy wins',
    says: 'of two policies that claim a volume the one that was made last has it',
    file: 'libs/shared/src/policy/claims.ts',
    find: 'return a.createdAtMs - b.createdAtMs ||',
    replace: 'return b.createdAtMs - a.createdAtMs ||',
  },
  {
    name: 'no limit for volumes in motion',
    says: 'maxVolumesInMotionPercent is not counted',
    file: 'services/scorer/src/core/allowance.ts',
    find: "remaining: most - traffic.inMotion - outstandingElsewhere,\n    hold: { reason: 'BrakeFleet', message },",
    replace: "remaining: watchedVolumes + most,\n    hold: { reason: 'BrakeFleet', message },",
  },
  {
    name: 'regret is ignored',
    says: 'a volume that goes back and forth is held no longer than any other',
    file: 'libs/shared/src/scoring/cooldown.ts',
    find: 'return cooldownMs * 2 ** Math.min(regretsInRow, REGRET_DOUBLINGS_MAX);',
    replace: 'return cooldownMs * 2 ** Math.min(0 * regretsInRow, REGRET_DOUBLINGS_MAX);',
  },
  {
    name: 'regret is forgotten',
    says: 'the record of a move does not say how many in a row were undone',
    file: `${core}/intent-changes.ts`,
    find: '...(intent.regretsInRow === undefined ? {} : { regretsInRow: intent.regretsInRow }),',
    replace: '',
  },
  {
    name: 'no gap between the watermarks',
    says: 'a volume that is a little busier than idle belongs on the hot tier',
    file: 'libs/shared/src/scoring/wanted-tier.ts',
    find: "  if (up >= high) return 'hot';\n  if (down <= low",
    replace: "  if (up >= low + 1) return 'hot';\n  if (down <= low",
  },
  {
    name: 'what is deleted stays a fact',
    says: 'the fact of a volume that is no more is left, and speaks of it for ever',
    file: 'services/watcher/src/tasks/publish-facts.ts',
    find: 'return sink.delete(subjectToken(id), { signal });',
    replace: "return 'unchanged';",
  },
  {
    name: 'room is not given back at the end',
    says: 'what a move counts against lapses by itself, minutes after its end',
    file: 'services/migrator/src/move.ts',
    find: 'await record.settle();\n      await leases.releaseHolds(migrationId, token);\n',
    replace: 'await record.settle();\n',
  },
  {
    name: 'the former end is not told',
    says: 'the record of a move becomes that of the next one before its end was told',
    file: 'services/migrator/src/requests.ts',
    find: 'if (stored !== undefined) await tellFormer(stored, request, grant.token);',
    replace: 'void tellFormer;',
  },
];
