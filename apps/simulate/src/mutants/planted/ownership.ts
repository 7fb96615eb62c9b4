import type { PlantedDefect } from './planted-defect.ts';

const core = 'services/migrator/src/core';
const migrator = 'services/migrator/src';
const leases = 'libs/shared/src/leases';

/** Who may act, for how long, and how many at a time: permit, leases, limits, records. */
export const inOwnership: readonly PlantedDefect[] = [
  {
    name: 'doubles the life of the permit',
    says: 'a heartbeat permits to act for 28 s',
    file: `${core}/permit.ts`,
    find: 'const PERMIT_LIFE_MS = 14_000;',
    replace: 'const PERMIT_LIFE_MS = 28_000;',
  },
  {
    name: 'an old heartbeat permits',
    says: 'the first heartbeat after a start counts, which may have lain there for long',
    file: `${core}/permit.ts`,
    find: 'if (isFirst) return { ...state, paused };',
    replace: '',
  },
  {
    name: 'does not obey the pause',
    says: 'a heartbeat that says that all is paused permits as any other',
    file: `${core}/permit.ts`,
    find: 'return !state.paused && remainsMs(',
    replace: 'return remainsMs(',
  },
  {
    name: 'lifts for ever',
    says: 'cordons are still removed minutes after the last heartbeat',
    file: `${core}/permit.ts`,
    find: 'const LIFT_LIFE_MS = 18_000;',
    replace: 'const LIFT_LIFE_MS = 600_000;',
  },
  {
    name: 'permit by the wall clock',
    says: 'the age of a heartbeat is taken from a clock that may jump',
    file: `${migrator}/permission.ts`,
    find: 'export function createPermission(clock: Clock): PermissionKeeper {',
    replace: `export function createPermission(own: Clock): PermissionKeeper {
  const zeroMs = own.nowMs() - own.monotonicMs();
  const clock = { ...own, monotonicMs: () => own.nowMs() - zeroMs };`,
  },
  {
    name: 'calls without the permit',
    says: 'nobody asks for the permit before a call',
    file: `${migrator}/move.ts`,
    find: '(!fence.isTaken || fence.lasts(leadMs)) &&\n    permission.mayAct(leadMs);',
    replace: '(!fence.isTaken || fence.lasts(leadMs));',
  },
  {
    name: 'lease by the client’s clock',
    says: 'whether a lease lasts is read off a wall clock that may jump',
    file: `${migrator}/held-lease.ts`,
    find: 'export function keepLease({ clock, term,',
    replace: `const onTheWall = (own: Clock): Clock => {
  const zeroMs = own.nowMs() - own.monotonicMs();
  return { ...own, monotonicMs: () => own.nowMs() - zeroMs };
};

export function keepLease({ clock: own, ...others }: LeaseKeeping): HeldLease {
  return keepLeaseBy({ clock: onTheWall(own), ...others });
}

function keepLeaseBy({ clock, term,`,
  },
  {
    name: 'a lease never ends',
    says: 'an ownership lease is believed until a renewal is denied',
    file: `${migrator}/held-lease.ts`,
    find: `lasts: (leadMs) => !lost && clock.monotonicMs() + leadMs <= validUntilMs,
    get lost() {
      return lost || clock.monotonicMs() >= validUntilMs;`,
    replace: `lasts: () => !lost,
    get lost() {
      return lost;`,
  },
  {
    name: 'believes leases for too long',
    says: 'a renewal is believed for four times as long as the server gives it',
    file: `${leases}/create-leases.ts`,
    find: 'return renewalOf(await server.renewLease({ kind, name, holder, token, ttlMs }), sentAtMs + ttlMs);',
    replace: 'return renewalOf(await server.renewLease({ kind, name, holder, token, ttlMs }), sentAtMs + 4 * ttlMs);',
  },
  {
    name: 'anybody may release a lease',
    says: 'a release frees the lease whoever holds it by now',
    file: `${leases}/memory-lease-server.ts`,
    find: 'if (lease?.holder === holder && lease.token === token) state.leases.delete(`${kind}:${name}`);',
    replace: 'if (lease !== undefined && holder !== String(token)) state.leases.delete(`${kind}:${name}`);',
  },
  {
    name: 'a lease is granted twice',
    says: 'who asks for a lease that is held is given it',
    file: `${leases}/memory-lease-server.ts`,
    find: "if (lease !== undefined) return { kind: 'held', leftMs: lease.untilMs - clock.nowMs() };",
    replace: "if (lease !== undefined && lease.holder === holder) return { kind: 'held', leftMs: 1 };",
  },
  {
    name: 'takes over at once',
    says: 'a new owner acts without waiting for the last call of the old one',
    file: `${migrator}/migrator.ts`,
    find: 'await clock.sleep(settings.leaseTtlMs, stopping.signal);',
    replace: '',
  },
  {
    name: 'writes over another’s record',
    says: 'after a write without an answer the record is taken back from whoever has it',
    file: `${migrator}/move-record.ts`,
    find: 'if (stored === undefined || !isOwn(stored.intent)) throw new ConflictError(volumeId);',
    replace: 'if (stored === undefined) throw new ConflictError(volumeId);',
  },
  {
    name: 'forgets fencing tokens',
    says: 'every owner is given the same token',
    file: `${leases}/memory-lease-server.ts`,
    find: 'const token = Math.max(state.highestToken + 1, clock.nowMs());',
    replace: 'const token = 1;',
  },
  {
    name: 'starts beside a move in flight',
    says: 'a request is taken up though the volume moves',
    file: `${core}/judge-request.ts`,
    find: "if (record.state === 'active') return refuse('AlreadyMoving', `migration ${record.migrationId} is in flight`);",
    replace: '',
  },
  {
    name: 'forgets which requests it took up',
    says: 'a request that was taken up is taken up again',
    file: `${core}/judge-request.ts`,
    find: 'if (record.migrationId === request.migrationId || record.seenIds.includes(request.migrationId)) {',
    replace: "if (record.migrationId === request.migrationId && record.state === 'active') {",
  },
  {
    name: 'takes up what has expired',
    says: 'a request is taken up however old it is',
    file: `${core}/judge-request.ts`,
    find: 'if (parseTimestampMs(request.notAfter) < latestMs)',
    replace: 'if (parseTimestampMs(request.notAfter) < 0)',
  },
  {
    name: 'begins by a wrong clock',
    says: 'a migrator whose clock differs from the watcher’s takes up moves by it',
    file: `${core}/judge-request.ts`,
    find: "if (skewed !== undefined) return { kind: 'elsewhere', reason: 'ClockSkew', message: skewed };",
    replace: '',
  },
  {
    name: 'no cooldown in the migrator',
    says: 'whoever asks for it, a volume moves again at once',
    file: `${core}/judge-request.ts`,
    find: 'if (cooling !== undefined) return refuse(...cooling);',
    replace: '',
  },
  {
    name: 'no back-off in the migrator',
    says: 'a volume whose move failed is taken up again at once',
    file: `${core}/judge-request.ts`,
    find: 'record.retryAt !== undefined && parseTimestampMs(record.retryAt) > nowMs) {',
    replace: 'record.retryAt !== undefined && parseTimestampMs(record.retryAt) > nowMs + 1e12) {',
  },
  {
    name: 'retries at once',
    says: 'the record of a failed move asks for no pause',
    file: `${core}/intent-changes.ts`,
    find: 'formatTimestamp(nowMs + Math.min(BACKOFF_MAX_MS, backoff.baseMs * 2 ** failuresInRow));',
    replace: 'formatTimestamp(nowMs);',
  },
  {
    name: 'starts for a disabled policy',
    says: 'that a policy is disabled is not looked at when a move is taken up',
    file: `${core}/judge-request.ts`,
    find: 'if (!spec.enabled || spec.dryRun)',
    replace: 'if (spec.dryRun)',
  },
  {
    name: 'moves in a dry run',
    says: 'that a policy only tries is not looked at when a move is taken up',
    file: `${core}/judge-request.ts`,
    find: 'if (!spec.enabled || spec.dryRun)',
    replace: 'if (!spec.enabled)',
  },
  {
    name: 'moves what is held',
    says: 'the annotation hold is not looked at when a move is taken up',
    file: `${core}/judge-request.ts`,
    find: 'if (hold !== undefined && holds(hold, nowMs))',
    replace: 'if (hold !== undefined && holds(hold, nowMs) && nowMs < 0)',
  },
  {
    name: 'moves what has snapshots',
    says: 'snapshots are not looked at when a move is taken up',
    file: `${core}/judge-request.ts`,
    find: 'if ((volume.snapshotCount > 0 || volume.fromSnapshot) && !spec.moves.allowSnapshots) {',
    replace: 'if (volume.fromSnapshot && !spec.moves.allowSnapshots) {',
  },
  {
    name: 'acts on what the decision saw',
    says: 'Mayastor is not asked whether the volume still is as it was decided on',
    file: `${migrator}/migrator.ts`,
    find: "if (seen === 'absent' || !isWhole(seen, request.replicaCount)) return false;",
    replace: "if (seen === 'absent' || request.replicaCount > 0) return true;",
  },
  {
    name: 'no limit for policies',
    says: 'maxConcurrentMigrations is not counted',
    file: `${core}/holds.ts`,
    find: '{ key: `policy/${intent.policyId}`, amount: 1, limit: intent.limits.policy },',
    replace: '',
  },
  {
    name: 'no limit for pools and nodes',
    says: 'limits.perPool and limits.perNode are not counted',
    file: `${core}/holds.ts`,
    find: '...(round === undefined\n      ? []',
    replace: '...(round === undefined || round.number > 0\n      ? []',
  },
  {
    name: 'no limit for the fleet',
    says: 'the fleet holds as many moves as are asked for',
    file: `${core}/holds.ts`,
    find: "{ key: 'fleet', amount: 1, limit: fleet.migrations },",
    replace: "{ key: 'fleet', amount: 0, limit: fleet.migrations },",
  },
  {
    name: 'begins a round without room',
    says: 'a round fills a pool that has no room within the limits',
    file: `${migrator}/move.ts`,
    find: 'if (answer.granted) return record.write(',
    replace: 'if (answer.granted || round.number > 0) return record.write(',
  },
  {
    name: 'a restart makes room',
    says: 'who stops gives back the limits of a move that goes on',
    file: `${migrator}/move.ts`,
    find: "if (signal.aborted) return 'released';",
    replace:
      "if (signal.aborted) {\n        await leases.releaseHolds(migrationId, token);\n        return 'released';\n      }",
  },
  {
    name: 'checks only the first limit',
    says: 'of all that a move counts against only the first is looked at',
    file: `${leases}/memory-lease-server.ts`,
    find: 'let blocked = holds.find(isFull)?.key;',
    replace: 'let blocked = holds.slice(0, 1).find(isFull)?.key;',
  },
  {
    name: 'grants after a loss of data',
    says: 'a Redis that lost its data grants limits at once',
    file: `${leases}/memory-lease-server.ts`,
    find: 'if (state.epochRun !== run) return epochLost(lifeMs);\n    const nowMs = clock.nowMs();\n    for (const [id, { untilMs }]',
    replace: 'const nowMs = clock.nowMs();\n    for (const [id, { untilMs }]',
  },
  {
    name: 'owns after a loss of data',
    says: 'a Redis that lost its data grants volumes that others may still own',
    file: `${leases}/memory-lease-server.ts`,
    find: "if (kind === 'owner' && state.epochRun !== run) return epochLost(lifeMs);",
    replace: '',
  },
  {
    name: 'opens the epoch at once',
    says: 'after a loss of data nobody waits for what was granted before',
    file: `${leases}/memory-lease-server.ts`,
    find: "if (epoch === 'commit' && nowMs >= sinceMs + 2 * lifeMs &&",
    replace: "if (epoch === 'commit' && nowMs >= sinceMs &&",
  },
  {
    name: 'registers nothing after a loss',
    says: 'after a loss of data moves in flight count against no limit',
    file: `${migrator}/migrator.ts`,
    find: "const active = [...stored.values()].flatMap(({ intent }) => (intent.state === 'active' ? [intent] : []));",
    replace:
      "const active = [...stored.values()].flatMap(({ intent }) => (intent.state === 'active' && intent.owner === '' ? [intent] : []));",
  },
  {
    name: 'everybody has the fence',
    says: 'the lease of the fence is given to all who ask',
    file: `${leases}/memory-lease-server.ts`,
    find: 'let leftMs = fence === undefined || isMine ? 0 : fence.untilMs - nowMs;',
    replace: 'let leftMs = 0;',
  },
  {
    name: 'records go with the facts',
    says: 'where no fact of a volume is left, the record of its last move is deleted',
    file: `${migrator}/migrator.ts`,
    find: "if ((await options.mayastor.readVolume(volumeId, stopping.signal)) !== 'absent') continue;",
    replace: '',
  },
  {
    name: 'events of the dead are not told',
    says: 'what was written and not yet told when its writer died stays untold',
    file: `${migrator}/migrator.ts`,
    find: 'if (clock.nowMs() - parseTimestampMs(intent.endedAt) <= OUTBOX_PATIENCE_MS) continue;',
    replace: 'continue;',
  },
  {
    name: 'a lost answer is a refusal',
    says: 'a call whose answer was lost counts as not done',
    file: 'libs/shared/src/mayastor/classification.ts',
    find: "return { kind: 'unknown', message: answer.message, status: undefined };",
    replace: "return refused('Unreachable', answer.message, undefined);",
  },
  {
    name: 'trusts a time-out',
    says: 'a call that timed out counts as done',
    file: 'libs/shared/src/mayastor/classification.ts',
    find: "return { kind: 'unknown', message: answer.message, status: undefined };",
    replace: "return { kind: 'done', result: undefined };",
  },
];
