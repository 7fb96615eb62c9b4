import assert from 'node:assert/strict';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createVirtualClock, type VirtualClock } from '../clock/index.ts';
import { createKubernetesAccess, type KubernetesAccess } from './access.ts';
import { type LeaderElection, type LeaderElectionOptions, startLeaderElection } from './leader-election.ts';
import { type FakeApiServer, startFakeApiServer } from './testing/fake-api-server.ts';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/storage/leases';

interface Candidate {
  readonly election: LeaderElection;
  readonly clock: VirtualClock;
  /** What happened to its leading, in order. */
  readonly log: readonly string[];
  readonly errors: readonly unknown[];
}

let server: FakeApiServer;
let access: KubernetesAccess;
let candidates: Candidate[];

beforeEach(async () => {
  server = await startFakeApiServer();
  access = createKubernetesAccess({ baseUrl: server.url });
  candidates = [];
});

afterEach(async () => {
  await Promise.all(candidates.map(({ election }) => election.stop()));
  await access[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  assert.deepEqual(server.violations, []);
  for (const { clock } of candidates) assert.equal(clock.pending(), 0, 'timers are left');
});

function campaign(identity: string, options: Partial<LeaderElectionOptions> = {}): Candidate {
  const clock = createVirtualClock();
  const log: string[] = [];
  const errors: unknown[] = [];
  const election = startLeaderElection({
    access,
    namespace: 'storage',
    name: 'couchestor',
    identity,
    clock,
    random: () => 0,
    lead: (signal) =>
      new Promise((resolve) => {
        log.push('leads');
        const end = (): void => {
          log.push(`ends: ${(signal.reason as Error).message}`);
          resolve();
        };
        if (signal.aborted) end();
        else signal.addEventListener('abort', end);
      }),
    onError: (error) => errors.push(error),
    ...options,
  });
  const candidate = { election, clock, log, errors };
  candidates.push(candidate);
  return candidate;
}

const leaseSpec = (): unknown => server.object(`${LEASES}/couchestor`)?.['spec'];
const untilLeads = ({ log }: Candidate): Promise<void> => vi.waitFor(() => expect(log.at(-1)).toBe('leads'));
/** Lets the candidate make its next attempts, each of which is a request or two. */
async function attempts(candidate: Candidate, count: number): Promise<void> {
  for (let attempt = 0; attempt < count; attempt += 1) {
    const before = server.requests.length;
    await candidate.clock.advance(2_000);
    await vi.waitFor(() => expect(server.requests.length).toBeGreaterThan(before));
    await vi.waitFor(() => expect(candidate.clock.pending()).toBeGreaterThan(candidate.election.isLeader() ? 1 : 0));
  }
}

test('the first candidate creates the lease and leads; the second one waits', async () => {
  const first = campaign('one');
  await untilLeads(first);
  expect(leaseSpec()).toMatchObject({
    holderIdentity: 'one',
    leaseDurationSeconds: 15,
    leaseTransitions: 0,
    renewTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
  });
  const second = campaign('two');
  await vi.waitFor(() => expect(second.election.holder()).toBe('one'));
  await attempts(second, 3);
  expect(first.election.isLeader()).toBe(true);
  expect(second.election.isLeader()).toBe(false);
  expect(second.log).toEqual([]);
});

test('a leader that renews keeps the lease for as long as it likes', async () => {
  const first = campaign('one');
  await untilLeads(first);
  const second = campaign('two');
  await vi.waitFor(() => expect(second.clock.pending()).toBe(1));
  for (let round = 0; round < 12; round += 1) {
    await attempts(first, 1);
    await attempts(second, 1);
  }
  expect(first.log).toEqual(['leads']);
  expect(second.log).toEqual([]);
  expect(first.errors).toEqual([]);
});

test('a leader that stops lets the next one in at its next attempt', async () => {
  const first = campaign('one');
  await untilLeads(first);
  const second = campaign('two');
  await vi.waitFor(() => expect(second.clock.pending()).toBe(1));
  await first.election.stop();
  expect(first.log).toEqual(['leads', 'ends: the election was stopped']);
  expect(leaseSpec()).toMatchObject({ holderIdentity: '' });
  await attempts(second, 1);
  await untilLeads(second);
  expect(leaseSpec()).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
});

test('a leader that cannot renew ends before anyone may take over', async () => {
  const first = campaign('one');
  await untilLeads(first);
  const second = campaign('two');
  await vi.waitFor(() => expect(second.clock.pending()).toBe(1));
  server.failNext('write', Infinity, { status: 503 });
  server.failNext('read', Infinity, { status: 503 });
  for (let elapsedMs = 0; elapsedMs < 8_000; elapsedMs += 2_000) await attempts(first, 1);
  expect(first.election.isLeader()).toBe(true);
  await first.clock.advance(1_999);
  expect(first.election.isLeader()).toBe(true);
  await first.clock.advance(1);
  expect(first.election.isLeader()).toBe(false);
  await vi.waitFor(() => expect(first.log.at(-1)).toBe('ends: the lease could not be renewed in time'));
  expect(first.errors.length).toBeGreaterThanOrEqual(4);

  server.failNext('read', 0, { status: 503 });
  await attempts(second, 1);
  await second.clock.advance(10_000);
  expect(second.log).toEqual([]);
  server.failNext('write', 0, { status: 503 });
  await second.clock.advance(3_000);
  await untilLeads(second);
});

test('a process that stood still is no leader when it wakes, even before any timer has run', async () => {
  const first = campaign('one');
  await untilLeads(first);
  const pausedAtMs = first.clock.monotonicMs();
  vi.spyOn(first.clock, 'monotonicMs').mockReturnValue(pausedAtMs + 10_000);
  expect(first.election.isLeader()).toBe(false);
  vi.restoreAllMocks();
  expect(first.election.isLeader()).toBe(true);
});

test('a candidate takes over as soon as the lease of a silent leader lapses, not at its next look', async () => {
  server.put(LEASES, {
    metadata: { name: 'couchestor', namespace: 'storage' },
    spec: { holderIdentity: 'dead', leaseDurationSeconds: 10 },
  });
  const second = campaign('two', { leaseDurationMs: 10_000, random: () => 0.999 });
  await vi.waitFor(() => expect(second.clock.pending()).toBe(1));
  for (let looks = 0; looks < 4; looks += 1) {
    await second.clock.advance(2_400);
    await vi.waitFor(() => expect(second.clock.pending()).toBe(1));
  }
  expect(second.log).toEqual([]);
  await second.clock.advance(10_000 - 4 * 2_400);
  await untilLeads(second);
});

test('a wall clock that jumps changes nothing', async () => {
  const first = campaign('one');
  await untilLeads(first);
  const second = campaign('two');
  await vi.waitFor(() => expect(second.clock.pending()).toBe(1));
  second.clock.jumpWall(3_600_000);
  await attempts(second, 2);
  expect(second.log).toEqual([]);
  first.clock.jumpWall(-3_600_000);
  await attempts(first, 1);
  expect(first.election.isLeader()).toBe(true);
});

test('two candidates that want a lapsed lease at once: the resource version lets one have it', async () => {
  server.put(LEASES, {
    metadata: { name: 'couchestor', namespace: 'storage' },
    spec: { holderIdentity: '', leaseDurationSeconds: 1 },
  });
  const both = [campaign('one'), campaign('two')];
  await vi.waitFor(() => expect(both.filter(({ log }) => log.length > 0)).toHaveLength(1));
  const loser = both.find(({ log }) => log.length === 0);
  assert.ok(loser);
  await attempts(loser, 2);
  expect(both.filter(({ election }) => election.isLeader())).toHaveLength(1);
});

test('a leader whose lease was given to someone else ends with its next renewal', async () => {
  const first = campaign('one');
  await untilLeads(first);
  const lease = server.object(`${LEASES}/couchestor`);
  assert.ok(lease);
  server.put(LEASES, { ...lease, spec: { holderIdentity: 'usurper', leaseDurationSeconds: 15 } });
  await first.clock.advance(2_000);
  await vi.waitFor(() => expect(first.log.at(-1)).toBe('ends: the lease went to someone else'));
  expect(first.election.holder()).toBe('usurper');
});

test('a leader whose lease somebody touched or removed goes on', async () => {
  const first = campaign('one');
  await untilLeads(first);
  const lease = server.object(`${LEASES}/couchestor`);
  assert.ok(lease);
  server.put(LEASES, { ...lease, metadata: { ...lease.metadata, labels: { touched: 'yes' } } });
  await attempts(first, 1);
  server.remove(LEASES, 'couchestor');
  await attempts(first, 1);
  expect(first.election.isLeader()).toBe(true);
  expect(first.log).toEqual(['leads']);
  expect(leaseSpec()).toMatchObject({ holderIdentity: 'one' });
});

test('leading that fails is told, and the lease is free for another', async () => {
  const failure = new Error('cannot lead');
  const first = campaign('one', { lead: () => Promise.reject(failure) });
  await vi.waitFor(() => expect(leaseSpec()).toMatchObject({ holderIdentity: '' }));
  expect(first.errors).toEqual([failure]);
});

test('a lease that its deadline does not fit into is refused', () => {
  expect(() => campaign('one', { leaseDurationMs: 10_000, renewDeadlineMs: 10_000 })).toThrow(RangeError);
  expect(() => campaign('one', { leaseDurationMs: 1_500 })).toThrow(RangeError);
});
