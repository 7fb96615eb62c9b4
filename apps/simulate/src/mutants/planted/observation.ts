import type { PlantedDefect } from './planted-defect.ts';

const core = 'services/watcher/src/core';
const tasks = 'services/watcher/src/tasks';

/** What is true now, who may act, and what people are told of it: facts, the heartbeat, the status of policies. */
export const inObservation: readonly PlantedDefect[] = [
  {
    name: 'a heartbeat without an answer',
    world: 'stops',
    says: 'where Kubernetes does not answer, the heartbeat says that nothing is paused',
    file: `${tasks}/keep-permit.ts`,
    find: 'const control = await source.read(AbortSignal.any([signal, timeout.signal]));',
    replace:
      'const control = await source\n      .read(AbortSignal.any([signal, timeout.signal]))\n      .catch(() => ({ paused: false, reason: undefined }));',
  },
  {
    name: 'the pause is not passed on',
    world: 'stops',
    says: 'the heartbeat never says that all is paused',
    file: `${tasks}/keep-permit.ts`,
    find: 'paused: control.paused,\n      ...',
    replace: 'paused: false,\n      ...',
  },
  {
    name: 'an old answer is passed on',
    world: 'pauses, and watchers that stand still',
    says: 'a watcher that stood still passes on what Kubernetes said before',
    file: `${tasks}/keep-permit.ts`,
    find: 'if (clock.monotonicMs() - askedMs > CONTROL_TIMEOUT_MS) expire();\n    timeout.signal.throwIfAborted();\n    signal.throwIfAborted();',
    replace: '',
  },
  {
    name: 'totals begin anew',
    world: 'watchers come and go',
    says: 'a restart forgets what the status of a policy has counted',
    file: `${core}/ledger-book.ts`,
    find: 'this.#ledgers.set(policyId, stored === undefined ? emptyLedger : onlyLedger(stored));',
    replace:
      'this.#ledgers.set(policyId, stored === undefined ? emptyLedger : { ...emptyLedger, applied: onlyLedger(stored).applied });',
  },
  {
    name: 'ends are counted twice',
    world: 'watchers come and go',
    says: 'an end that is read again is counted again',
    file: `${core}/ledger.ts`,
    find: 'if (isApplied(ledger.applied, position)) return ledger;\n  if (ledger.history.some(({ migrationId }) => migrationId === move.migrationId)) {',
    replace:
      'if (ledger.history.some(({ migrationId }) => migrationId === `${move.migrationId}${position.lastSequence}`)) {',
  },
  {
    name: 'a checkpoint runs ahead',
    world: 'watchers come and go',
    says: 'events are counted as read before they are folded',
    file: `${core}/ledger-book.ts`,
    find: 'if (before !== undefined && ended !== undefined) {',
    replace: 'if (before !== undefined && ended !== undefined && event.lastSequence % 7 !== 0) {',
  },
  {
    name: 'moves in flight are never fewer',
    says: 'the end of a move is not taken off the moves in flight',
    file: `${core}/active-moves.ts`,
    find: 'this.#add(before, -1);',
    replace: '',
  },
  {
    name: 'drains are not told',
    world: 'cordons of people',
    says: 'no fact says that a node is drained',
    file: `${core}/node-facts.ts`,
    find: 'cordonLabels: cordonLabels.filter((label) => !isOurCordonLabel(label)).sort(),\n    draining,',
    replace: 'cordonLabels: [],\n    draining: draining && cordonLabels.length < 0,',
  },
  {
    name: 'rebuilds are not told',
    world: 'dead nodes',
    says: 'no fact says that a volume is degraded or being rebuilt',
    file: 'services/watcher/src/adapters/mayastor-source.ts',
    find: 'status: volume.status,',
    replace: "status: 'Online',",
    also: [
      {
        file: 'services/watcher/src/adapters/mayastor-source.ts',
        find: '(target?.rebuilds ?? 0) > 0 || replicas.some(({ rebuildPercent }) => rebuildPercent !== undefined),',
        replace: '(target?.rebuilds ?? 0) < 0,',
      },
      {
        file: 'services/watcher/src/adapters/mayastor-source.ts',
        find: '      state,\n      ...(childStatus === undefined ? {} : { childState: childStatus }),',
        replace:
          "      state: state === undefined ? state : ('Online' as const),\n      ...(childStatus === undefined ? {} : { childState: 'Online' as const }),",
      },
    ],
  },
  {
    name: 'publishes what did not change',
    says: 'each pass publishes every fact again',
    file: `${core}/same.ts`,
    find: 'if (Object.is(a, b)) return true;\n  if (typeof a',
    replace: "if (Object.is(a, b) && typeof a !== 'number') return true;\n  if (typeof a",
  },
  {
    name: 'writes the status for ever',
    says: 'a status is written although nothing of it changed',
    file: `${core}/compose-status.ts`,
    find: 'if (previous !== undefined && isSettled(previous, next)) return previous;',
    replace: '',
  },
];
