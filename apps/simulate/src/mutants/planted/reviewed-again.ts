import type { PlantedDefect } from './planted-defect.ts';

const core = 'services/migrator/src/core';

/** Of ten more, written from what the product promises without a look at the worlds, those that worlds show by now. */
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
];
