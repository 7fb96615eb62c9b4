import type { ActiveIntent, Round } from '@couchestor/shared/messages';
import { ZONE_LABEL } from '@couchestor/shared/policy';
import { describe, expect, test } from 'vitest';
import { aNode, anIntent, aPool, aReplica, aRound, aVolume, evidenceOf, START, START_MS } from '../../test/evidence.ts';
import type { Capabilities, Evidence, SeenNode, SeenPool, SeenVolume } from './evidence.ts';
import { nextStep } from './next-step.ts';
import { obstacleTo } from './plan-rounds.ts';
import { patienceMs } from './waits.ts';
import type { Step } from './step.ts';

const poolCordon: Capabilities = { method: 'poolCordon', cachePeriodMs: 30_000 };
const nodeCordon: Capabilities = { method: 'nodeCordon', cachePeriodMs: 30_000 };
const MINUTE_MS = 60_000;
const LABEL = 'couchestor-m1';

const before = ['sata-n1', 'sata-n2'];
const fence = { kind: 'pool', ours: ['nvme-n4', 'sata-n3', 'sata-n4'], foreign: [] } as const;
const fenced: Round['fence'] = { ...fence, ours: [...fence.ours], foreign: [] };
const newcomer = aReplica('nvme-n3');
const filling = aReplica('nvme-n3', { childState: 'Degraded', rebuildPercent: 40 });
const added = { newReplicaId: newcomer.replicaId, addedAt: START };
const synced = { ...added, syncedAt: START };
const steer = { kind: 'nodeCordon', node: 'n1', victimReplicaId: 'on-sata-n1' } as const;
const rollback = { outcome: 'aborted', reason: 'AbortRequested', message: '' } as const;

const withRound = (round: Partial<Round>, change: Partial<ActiveIntent> = {}): ActiveIntent =>
  anIntent({
    placement: before,
    roundsStarted: 1,
    round: aRound(before, 'nvme-n3', { growths: 1, ...round }),
    ...change,
  });
const asBefore = aVolume({ placement: before });
const grown = (...more: SeenVolume['replicas']): SeenVolume =>
  aVolume({
    placement: before,
    replicaCount: 3,
    replicas: [...asBefore.replicas, ...more],
    ...(more.every(({ childState }) => childState === 'Online') ? {} : { status: 'Degraded' }),
  });
const lost = (replica: SeenVolume['replicas'][number], index: number): typeof replica =>
  index === 0 ? { ...replica, childState: 'Faulted' } : replica;
const moved = aVolume({ placement: ['sata-n2', 'nvme-n3'] });

/** Evidence in which these are cordoned. */
function cordoned(names: readonly string[], change: Partial<Evidence> = {}, volume: SeenVolume = asBefore): Evidence {
  const plain = evidenceOf(volume, change);
  const pools = new Map(plain.cluster?.pools);
  const nodes = new Map(plain.cluster?.nodes);
  for (const name of names) {
    if (pools.has(name)) pools.set(name, aPool(name, { cordoned: true }));
    else nodes.set(name, aNode(name, { cordoned: true, cordonLabels: [LABEL] }));
  }
  return { ...plain, cluster: { pools, nodes } };
}
const stepOf = (intent: ActiveIntent, evidence: Evidence, capabilities = poolCordon): Step =>
  nextStep(intent, evidence, capabilities);

describe('what is left after a crash', () => {
  test('the intent alone: it begins', () => {
    expect(stepOf(anIntent({ placement: before }), evidenceOf(asBefore))).toMatchObject({ kind: 'startRound' });
  });

  test('a part of the fence: the rest is put up', () => {
    const intent = withRound({ fence: fenced, growths: 0 });
    expect(stepOf(intent, cordoned(['nvme-n4']))).toEqual({ kind: 'fencePools', pools: ['sata-n3', 'sata-n4'] });
  });

  test('asked back before it grew: the fence goes, and nothing is added only to be removed', () => {
    const intent = withRound({ fence: fenced, growths: 0 }, { rollback });
    expect(stepOf(intent, cordoned(fence.ours))).toMatchObject({ kind: 'lift', pools: fence.ours });
    expect(stepOf(intent, cordoned([]))).toEqual({ kind: 'forgetCordons' });
  });

  test('six growths without effect: the move is rolled back', () => {
    expect(stepOf(withRound({ fence: fenced, growths: 6 }), cordoned(fence.ours))).toMatchObject({
      kind: 'rollBack',
      rollback: { outcome: 'failed', reason: 'NoPlacement' },
    });
  });

  test('a volume that has lost a replica before it grew: the fence goes, for Mayastor repairs it first', () => {
    const volume = { ...asBefore, status: 'Degraded' as const, replicas: asBefore.replicas.map(lost) };
    expect(stepOf(withRound({ fence: fenced }), cordoned(fence.ours, {}, volume))).toMatchObject({ kind: 'lift' });
  });

  test('what needs a look at pools and nodes is looked at first', () => {
    const without = (volume: SeenVolume): Evidence => {
      const { cluster: _, ...evidence } = evidenceOf(volume);
      return evidence;
    };
    const look = { kind: 'look', at: 'cluster' };
    expect(stepOf(withRound({ fence: fenced }), without(asBefore))).toEqual(look);
    expect(stepOf(withRound({ ...synced, steer }), without(moved))).toEqual(look);
    expect(stepOf(withRound(synced), without(grown(newcomer)))).toEqual(look);
    expect(stepOf(withRound(added, { rollback }), without(grown(filling)))).toEqual(look);
  });

  test('the source went beside the new replica, and one is missing: no count drops for it', () => {
    const volume = aVolume({ placement: ['sata-n2', 'nvme-n3'], replicaCount: 3 });
    expect(stepOf(withRound(synced), evidenceOf(volume, { stableForMs: 3 * MINUTE_MS }))).toEqual({
      kind: 'wait',
      reason: 'ReplicaNotPlaced',
    });
  });

  test('a filled replica goes under the lease of the fence, and only when the volume has come to rest', () => {
    const evidence = evidenceOf(grown(newcomer));
    expect(stepOf(withRound(synced), { ...evidence, fenceHeld: false })).toEqual({ kind: 'takeFence' });
    expect(stepOf(withRound(synced), { ...evidence, stableForMs: 0 })).toEqual({ kind: 'wait', reason: 'Settling' });
  });

  test('an unfilled replica that is outside the target: it cannot be destroyed, so it is waited for', () => {
    const out = { ...grown({ ...filling, childState: undefined }), status: 'Degraded' as const };
    expect(stepOf(withRound(added, { rollback }), evidenceOf(out))).toEqual({
      kind: 'wait',
      reason: 'ReattachPending',
    });
  });

  test('the victim went as it should, and another was replaced meanwhile: no other victim than the one meant', () => {
    const own = ['sata-n1', 'nvme-n2'];
    const round = aRound(own, 'nvme-n3', { growths: 1, shrinks: 1, ...synced, steer });
    const intent = anIntent({ placement: own, roundsStarted: 1, round });
    const volume = aVolume({ placement: ['nvme-n3', 'sata-n4'] });
    expect(stepOf(intent, evidenceOf(volume))).toEqual({ kind: 'forgetCordons' });
  });

  test('an operation that does not come to an end: it is waited for, and then a person is asked', () => {
    const busy = (stableForMs: number): Step =>
      stepOf(withRound({}), evidenceOf(asBefore, { idle: 'busy', stableForMs }));
    expect(busy(3 * MINUTE_MS)).toEqual({ kind: 'wait', reason: 'Busy' });
    expect(busy(11 * MINUTE_MS)).toMatchObject({ kind: 'attend', reason: 'Busy' });
  });

  test('where nodes are cordoned, a target that shares its node with a pool of another tier is none', () => {
    const intent = anIntent({ placement: ['sata-n1'] });
    const volume = aVolume({ placement: ['sata-n1'] });
    const evidence = evidenceOf(volume);
    const byNode = (pools: Map<string, SeenPool>): Step =>
      nextStep(intent, { ...evidence, cluster: { nodes: evidence.cluster?.nodes ?? new Map(), pools } }, nodeCordon);
    const pools = new Map(evidence.cluster?.pools);
    expect(byNode(pools)).toMatchObject({ kind: 'end', end: { outcome: 'failed', reason: 'NoPlacement' } });
    pools.delete('sata-n2');
    expect(byNode(pools)).toMatchObject({ kind: 'startRound', rounds: [{ targetPool: 'nvme-n2' }] });
  });

  test('a rebuild is given as long as one of ours before a person is asked', () => {
    const intent = anIntent({ placement: before, syncTimeoutMs: 60 * MINUTE_MS });
    const [first, ...others] = asBefore.replicas;
    const rebuilt = { ...first, childState: 'Degraded', rebuildPercent: 40 } as SeenVolume['replicas'][number];
    const filling = { ...asBefore, status: 'Degraded' as const, replicas: [rebuilt, ...others] };
    expect(patienceMs(intent, filling)).toBe(60 * MINUTE_MS);
    expect([patienceMs(intent, asBefore), patienceMs(intent, 'absent')]).toEqual([10 * MINUTE_MS, 10 * MINUTE_MS]);
  });

  test('a probe without an answer: reads that agree for two periods stand for it', () => {
    const seen = (stableForMs: number): Step =>
      stepOf(anIntent({ placement: before }), evidenceOf(asBefore, { idle: 'unknown', stableForMs }));
    expect(seen(59_999)).toEqual({ kind: 'wait', reason: 'Busy' });
    expect(seen(60_000)).toMatchObject({ kind: 'startRound' });
    const busy = evidenceOf(asBefore, { idle: 'busy', stableForMs: 60_000 });
    expect(stepOf(anIntent({ placement: before }), busy)).toEqual({ kind: 'wait', reason: 'Busy' });
  });

  test('a person’s abort is heard in each state, once', () => {
    const asked = { abortRequested: true };
    const back = { kind: 'rollBack', rollback: { outcome: 'aborted', reason: 'AbortRequested' } };
    expect(stepOf(withRound(added), evidenceOf(grown(filling), asked))).toMatchObject(back);
    expect(stepOf(anIntent({ placement: before }), evidenceOf(asBefore, asked))).toMatchObject(back);
    expect(stepOf(withRound(added, { rollback }), evidenceOf(grown(filling), asked))).toMatchObject({ kind: 'shrink' });
  });

  test('more rounds than each replica twice and two: somebody undoes them, so the move ends', () => {
    const after = (roundsStarted: number): Step =>
      stepOf(anIntent({ placement: before, roundsStarted }), evidenceOf(asBefore));
    expect(after(5)).toMatchObject({ kind: 'startRound' });
    expect(after(6)).toMatchObject({ kind: 'end', end: { outcome: 'failed', reason: 'Unsettled' } });
  });

  test('asked back when the source has gone already: what came to its place stays, and a stranger would go', () => {
    const volume = { ...grown(filling), replicas: [aReplica('sata-n2'), filling, aReplica('sata-n4')] };
    expect(stepOf(withRound(added, { rollback }), evidenceOf(volume))).toEqual({
      kind: 'wait',
      reason: 'VolumeDegraded',
    });
  });

  test('a cordoned node of a replica that stays is an obstacle only where a cordon steers', () => {
    const volume = aVolume({ placement: before });
    const { cluster = { pools: new Map(), nodes: new Map() } } = cordoned(['n2']);
    expect(obstacleTo('on-sata-n1', volume, cluster, poolCordon)).toContain('n2');
    expect(obstacleTo('on-sata-n1', volume, cluster, nodeCordon)).toBeUndefined();
  });

  test('six shrinks without effect: the cordon goes and a person is asked, and after a while it is tried again', () => {
    const tried = { ...synced, steer, shrinks: 6 };
    const evidence = cordoned(['n1'], {}, grown(newcomer));
    expect(stepOf(withRound(tried), evidence)).toMatchObject({ kind: 'lift', nodes: ['n1'] });
    expect(stepOf(withRound({ ...synced, shrinks: 6 }), evidenceOf(grown(newcomer)))).toMatchObject({
      kind: 'attend',
      reason: 'ShrinkWithoutEffect',
    });
    const attention = { reason: 'ShrinkWithoutEffect', message: '', since: START } as const;
    const later = evidenceOf(grown(newcomer), { nowMs: START_MS + 11 * MINUTE_MS });
    expect(stepOf(withRound({ ...synced, shrinks: 6 }, { attention }), later)).toMatchObject({ kind: 'planSteer' });
  });

  test('a growth without an answer: nothing before the volume is idle', () => {
    expect(stepOf(withRound({ fence: fenced }), cordoned(fence.ours, { idle: 'busy', stableForMs: 0 }))).toEqual({
      kind: 'wait',
      reason: 'Busy',
    });
    const { idle: _, ...unasked } = cordoned(fence.ours);
    expect(stepOf(withRound({ fence: fenced }), unasked)).toEqual({ kind: 'look', at: 'idle' });
  });

  test('a growth that did nothing: it is repeated', () => {
    expect(stepOf(withRound({ fence: fenced }), cordoned(fence.ours))).toEqual({ kind: 'grow', replicaCount: 3 });
  });

  test('a growth that may still come: the same again, but no other count, no fence and no other round', () => {
    const inDoubt = { kind: 'wait', reason: 'CountInDoubt' };
    const again = cordoned(fence.ours, { countInDoubt: 3 });
    expect(stepOf(withRound({ fence: fenced }), again)).toEqual({ kind: 'grow', replicaCount: 3 });
    expect(stepOf(withRound({ fence: fenced }), cordoned(fence.ours, { countInDoubt: 'any' }))).toEqual(inDoubt);
    const rollback = { outcome: 'aborted', reason: 'AbortRequested', message: 'by a person' } as const;
    const given = withRound({}, { rollback });
    expect(stepOf(given, evidenceOf(asBefore))).toMatchObject({ kind: 'endRound' });
    expect(stepOf(given, evidenceOf(asBefore, { countInDoubt: 3 }))).toEqual(inDoubt);
    const unfenced = { fenceHeld: false, countInDoubt: 2 };
    expect(stepOf(anIntent({ placement: before }), evidenceOf(asBefore, unfenced))).toEqual(inDoubt);
  });

  test('a removal of a cordon without an answer: no growth behind the fence until it can come no more', () => {
    const inDoubt = { kind: 'wait', reason: 'LiftInDoubt' };
    const doubtful = cordoned(fence.ours, { liftInDoubt: true });
    expect(stepOf(withRound({ fence: fenced }), doubtful)).toEqual(inDoubt);
    expect(stepOf(withRound({ fence: fenced }), cordoned([], { liftInDoubt: true }))).toMatchObject({
      kind: 'fencePools',
    });
  });

  test('a growth that did half: what nobody counts is waited for until it is gone, then a person is asked', () => {
    const half = aVolume({ placement: before, replicas: [...asBefore.replicas, aReplica('nvme-n3')] });
    expect(stepOf(withRound({}), evidenceOf(half))).toEqual({ kind: 'wait', reason: 'HalfDoneGrowth' });
    expect(stepOf(withRound({ fence: fenced }), cordoned(fence.ours, {}, half))).toMatchObject({ kind: 'lift' });
    expect(stepOf(withRound({}), evidenceOf(half, { stableForMs: 11 * MINUTE_MS }))).toMatchObject({
      kind: 'attend',
      reason: 'ExtraReplica',
    });
  });

  test('a growth that was done: the fence goes, the new replica is told by its id', () => {
    const intent = withRound({ fence: fenced });
    expect(stepOf(intent, cordoned(fence.ours, {}, grown(filling)))).toEqual({
      kind: 'lift',
      pools: fence.ours,
      nodes: [],
    });
    expect(stepOf(intent, evidenceOf(grown(filling)))).toEqual({ kind: 'forgetCordons' });
    expect(stepOf(withRound({}), evidenceOf(grown(filling)))).toMatchObject({
      kind: 'recordAdded',
      replicaId: filling.replicaId,
    });
  });

  test('cordons of pools: the lease of the fence is taken first, since another may grow behind them', () => {
    const intent = withRound({ fence: fenced });
    const shown = (change: Partial<Evidence>): Evidence =>
      cordoned(fence.ours, { fenceHeld: false, ...change }, grown(filling));
    const take = { kind: 'takeFence', toLift: true };
    const lift = { kind: 'lift', pools: fence.ours, nodes: [] };
    expect(stepOf(intent, shown({}))).toEqual(take);
    expect(stepOf(intent, shown({ mayAct: false }))).toEqual(take);
    expect(stepOf(intent, shown({ countInDoubt: 'any' }))).toEqual(take);
    expect(stepOf(intent, shown({ fenceHeld: true }))).toEqual(lift);
    expect(stepOf(intent, shown({ fenceIsNobodys: true }))).toEqual(lift);
    expect(stepOf(intent, shown({ fenceIsNobodys: true, mayAct: false }))).toEqual(lift);
  });

  test('cordons of nodes bear our name, and go without the lease', () => {
    const both = withRound({ ...synced, steer, fence: fenced }, { rollback });
    const shown = cordoned([...fence.ours, 'n1'], { fenceHeld: false, mayAct: false });
    expect(stepOf(both, shown)).toEqual({ kind: 'lift', pools: [], nodes: ['n1'] });
  });

  test('the fence of another that stands on every pool of the tier: it is waited for, a cordon of a person is not', () => {
    const intent = anIntent({ placement: before, targetPools: ['nvme-n2', 'nvme-n3', 'nvme-n4'] });
    const shown = (fencedElsewhere: readonly string[]): Step =>
      stepOf(intent, cordoned(['nvme-n3', 'nvme-n4'], { fencedElsewhere: new Set(fencedElsewhere) }));
    const waits = { kind: 'wait', reason: 'FencedElsewhere' };
    expect(shown(['nvme-n3'])).toEqual(waits);
    expect(shown(['sata-n3'])).toMatchObject({ kind: 'end', end: { reason: 'NoPlacement' } });
    // That of a node says by itself whose it is.
    const labelled = (label: string, node = 'n3', placement = before): Step => {
      const evidence = cordoned(['nvme-n4'], {}, aVolume({ placement }));
      const nodes = new Map(evidence.cluster?.nodes).set(node, aNode(node, { cordoned: true, cordonLabels: [label] }));
      return stepOf(intent, { ...evidence, cluster: { pools: evidence.cluster?.pools ?? new Map(), nodes } });
    };
    expect(labelled('couchestor-m2')).toEqual(waits);
    // Beside a replica that stays it keeps the other from moving.
    expect(labelled('couchestor-m2', 'n2', ['sata-n1', 'nvme-n2'])).toEqual(waits);
    const beside = (fencedElsewhere: readonly string[]): Step =>
      stepOf(
        anIntent({ placement: ['sata-n1', 'nvme-n2'] }),
        cordoned(
          ['nvme-n2'],
          { fencedElsewhere: new Set(fencedElsewhere) },
          aVolume({ placement: ['sata-n1', 'nvme-n2'] }),
        ),
      );
    expect(beside(['nvme-n2'])).toEqual(waits);
    expect(beside([])).toMatchObject({ kind: 'end', end: { message: expect.stringContaining('pool nvme-n2 holds') } });
    expect(labelled('maintenance')).toMatchObject({ kind: 'end', end: { reason: 'NoPlacement' } });
    expect(labelled(LABEL)).toMatchObject({ kind: 'end', end: { reason: 'NoPlacement' } });
  });

  test('a rebuild: it is waited for without another question, and given up by lowering the count', () => {
    const { idle: _, ...unasked } = evidenceOf(grown(filling));
    expect(stepOf(withRound(added), unasked)).toEqual({ kind: 'wait', reason: 'Rebuilding' });
    // Of a child that the target cannot tell the health of nothing is known, so the probe is asked.
    const { idle: __, ...unsure } = evidenceOf(grown({ ...filling, childState: 'Unknown' }));
    expect(stepOf(withRound(added), unsure)).toEqual({ kind: 'look', at: 'idle' });
    const open: Round['fence'] = { kind: 'pool', ours: [], foreign: [] };
    expect(stepOf(withRound({ ...added, fence: open }), unasked)).toEqual({ kind: 'wait', reason: 'Rebuilding' });
    expect(stepOf(withRound(added, { rollback }), evidenceOf(grown(filling)))).toEqual({
      kind: 'shrink',
      replicaCount: 2,
      victimReplicaId: filling.replicaId,
    });
  });

  test('a rebuilt replica: the source is steered out; given up, the new one is', () => {
    expect(stepOf(withRound(added), evidenceOf(grown(newcomer)))).toEqual({ kind: 'recordSynced' });
    expect(stepOf(withRound(synced), evidenceOf(grown(newcomer)))).toEqual({ kind: 'planSteer', steer });
    expect(stepOf(withRound(synced, { rollback }), evidenceOf(grown(newcomer)))).toMatchObject({
      kind: 'planSteer',
      steer: { node: 'n3', victimReplicaId: newcomer.replicaId },
    });
  });

  test('a steer without a shrink: it goes on; given up, the cordon changes its node', () => {
    const evidence = cordoned(['n1'], {}, grown(newcomer));
    expect(stepOf(withRound({ ...synced, steer }), evidence)).toEqual({
      kind: 'shrink',
      replicaCount: 2,
      victimReplicaId: 'on-sata-n1',
    });
    // What was to lift the steer before may do it now.
    expect(stepOf(withRound({ ...synced, steer }), { ...evidence, liftInDoubt: true })).toEqual({
      kind: 'wait',
      reason: 'LiftInDoubt',
    });
    expect(stepOf(withRound({ ...synced, steer }, { rollback }), evidence)).toEqual({
      kind: 'lift',
      pools: [],
      nodes: ['n1'],
    });
  });

  test('a shrink that took the source out of the target only: it waits until the source is back or gone', () => {
    const out = grown(newcomer);
    const volume = {
      ...out,
      replicas: out.replicas.map((one) => (one.node === 'n1' ? { ...one, childState: undefined } : one)),
    };
    const intent = withRound({ ...synced, steer });
    // Its cordon does not stay for that.
    expect(stepOf(intent, cordoned(['n1'], {}, volume))).toMatchObject({ kind: 'lift', nodes: ['n1'] });
    expect(stepOf(withRound(synced), evidenceOf(volume))).toMatchObject({ kind: 'wait' });
  });

  test('a shrink that was done: the cordon goes, the round is over', () => {
    const intent = withRound({ ...synced, steer });
    expect(stepOf(intent, cordoned(['n1'], {}, moved))).toEqual({ kind: 'lift', pools: [], nodes: ['n1'] });
    expect(stepOf(intent, evidenceOf(moved))).toEqual({ kind: 'forgetCordons' });
    expect(stepOf(withRound(synced), evidenceOf(moved))).toEqual({ kind: 'endRound', moved: true });
  });
});

describe('what was observed of Mayastor', () => {
  const ready = withRound({ ...synced, steer });

  test('replicas that an old target owns: no shrink, though all looks healthy', () => {
    const volume = grown(newcomer);
    const owners = new Map(volume.replicas.map(({ replicaId }) => [replicaId, ['old', 'nexus']]));
    expect(stepOf(ready, { ...cordoned(['n1'], {}, volume), owners })).toMatchObject({ kind: 'lift' });
    expect(stepOf(withRound(synced), { ...evidenceOf(volume), owners })).toEqual({
      kind: 'wait',
      reason: 'OwnersDiffer',
    });
  });

  test('an unpublished volume looks finished: it is neither synced nor shrunk', () => {
    const unpublished = { ...grown(newcomer), target: undefined };
    expect(stepOf(withRound(added), evidenceOf(unpublished))).toEqual({ kind: 'wait', reason: 'Rebuilding' });
    expect(stepOf(withRound(synced), evidenceOf(unpublished))).toEqual({ kind: 'wait', reason: 'NotPublished' });
  });

  test('a victim on a dead node is not asked to go', () => {
    const away = new Map(evidenceOf(asBefore).cluster?.nodes).set('n1', aNode('n1', { online: false }));
    const evidence = evidenceOf(grown(newcomer));
    const cluster = { pools: evidence.cluster?.pools ?? new Map(), nodes: away };
    expect(stepOf(withRound(synced), { ...evidence, cluster })).toEqual({ kind: 'wait', reason: 'VictimNodeAway' });
  });

  test('a kept replica on a dead node: its health is believed no more', () => {
    const away = new Map(evidenceOf(asBefore).cluster?.nodes).set('n2', aNode('n2', { online: false }));
    const evidence = evidenceOf(grown(newcomer));
    const cluster = { pools: evidence.cluster?.pools ?? new Map(), nodes: away };
    expect(stepOf(withRound(synced), { ...evidence, cluster })).toEqual({ kind: 'wait', reason: 'VolumeDegraded' });
  });

  test('a stranger in the place of the new replica goes again', () => {
    const stranger = aReplica('sata-n4', { childState: 'Degraded', rebuildPercent: 1 });
    expect(stepOf(withRound(added), evidenceOf(grown(stranger)))).toEqual({
      kind: 'shrink',
      replicaCount: 2,
      victimReplicaId: stranger.replicaId,
    });
  });

  test('a set that changed by itself is a new beginning', () => {
    const other = aVolume({ placement: ['sata-n3', 'sata-n4'] });
    expect(stepOf(withRound(synced), evidenceOf(other))).toEqual({ kind: 'endRound', moved: true });
    expect(stepOf(withRound({ growths: 0, fence: fenced }), evidenceOf(other))).toEqual({ kind: 'forgetCordons' });
    expect(stepOf(withRound({ growths: 0 }), evidenceOf(other))).toEqual({ kind: 'endRound', moved: false });
  });

  test('the source may be lost and the new one stay: that is a move too', () => {
    expect(stepOf(withRound(added), evidenceOf(moved))).toEqual({ kind: 'endRound', moved: true });
  });

  test('a victim that no cordon named: the move ends, for the next copy might go the same way', () => {
    const intent = withRound({ ...synced, steer });
    const rollBack = { kind: 'rollBack', rollback: { outcome: 'failed', reason: 'WrongVictim' } };
    expect(stepOf(intent, cordoned(['n1']))).toMatchObject(rollBack);
    // Without a cordon, or before it was filled, others may have done it.
    expect(stepOf(withRound(synced), evidenceOf(asBefore))).toEqual({ kind: 'endRound', moved: false });
    expect(stepOf(withRound({ ...added, steer }), cordoned(['n1']))).toMatchObject({ kind: 'lift' });
    // It went, or another one that has to go as well: that is a step forward.
    expect(stepOf(intent, cordoned(['n1'], {}, moved))).toMatchObject({ kind: 'lift' });
    const other = aVolume({ placement: ['sata-n1', 'nvme-n3'] });
    expect(stepOf(intent, cordoned(['n1'], {}, other))).toMatchObject({ kind: 'lift' });
    // Where one leaves first, none other may; what then is missing comes back anywhere.
    const leftFirst = withRound({ order: 'shrinkFirst', growths: 0, shrinks: 1, steer });
    const less = aVolume({ placement: ['sata-n1'] });
    expect(stepOf(leftFirst, cordoned(['n1'], {}, less))).toMatchObject(rollBack);
    expect(stepOf({ ...leftFirst, rollback }, evidenceOf(less))).toMatchObject({ kind: 'forgetCordons' });
    const failed = { ...intent, rollback: { ...rollback, outcome: 'aborted' } } as const;
    expect(stepOf(failed, cordoned(['n1']))).toMatchObject({ kind: 'lift', nodes: ['n1'] });
  });

  test('2.7: no shrink before the source is back and fills', () => {
    const childRemoval = { ...steer, kind: 'childRemoval' } as const;
    const intent = withRound({ ...synced, steer: childRemoval });
    const whole = grown(newcomer);
    expect(stepOf(intent, evidenceOf(whole), nodeCordon)).toMatchObject({ kind: 'steerByChildRemoval' });
    const as = (childState: 'Degraded' | undefined): SeenVolume => ({
      ...whole,
      status: 'Degraded',
      replicas: whole.replicas.map((one) => (one.node === 'n1' ? { ...one, childState } : one)),
    });
    expect(stepOf(intent, evidenceOf(as(undefined)), nodeCordon)).toEqual({ kind: 'wait', reason: 'ReattachPending' });
    expect(stepOf(intent, evidenceOf(as('Degraded')), nodeCordon)).toMatchObject({ kind: 'shrink' });
  });
});

describe('others act on the volume meanwhile', () => {
  test('a person asks for one more before we did: the move ends and leaves it', () => {
    const scaled = aVolume({ placement: [...before, 'sata-n4'] });
    expect(stepOf(withRound({ growths: 0 }), evidenceOf(scaled))).toEqual({ kind: 'endRound', moved: false });
    expect(stepOf(anIntent({ placement: before }), evidenceOf(scaled))).toMatchObject({
      kind: 'end',
      end: { outcome: 'aborted', reason: 'ReplicaCountChanged' },
    });
  });

  test('a person asks for one more after we did: it is said who has to decide', () => {
    const scaled = aVolume({ placement: [...before, 'nvme-n3', 'sata-n4'] });
    expect(stepOf(withRound(added), evidenceOf(scaled))).toMatchObject({
      kind: 'attend',
      reason: 'ReplicaCountChanged',
    });
    expect(stepOf(withRound(added, { rollback }), evidenceOf(scaled))).toEqual({ kind: 'endRound', moved: false });
  });

  test('a person asks for one less: the move ends and leaves it', () => {
    const scaled = aVolume({ placement: ['sata-n2'] });
    expect(stepOf(withRound(synced), evidenceOf(scaled))).toEqual({ kind: 'endRound', moved: false });
  });

  test('the volume is deleted: only when it stays away', () => {
    const intent = withRound({});
    expect(stepOf(intent, evidenceOf('absent', { stableForMs: 0 }))).toMatchObject({ kind: 'wait' });
    expect(stepOf(intent, evidenceOf('absent'))).toMatchObject({ kind: 'end', end: { reason: 'VolumeDeleted' } });
  });

  test('a person cordons the target: nothing grows there, and the next round looks for another', () => {
    const intent = withRound({ fence: fenced, growths: 0 });
    const target = cordoned([...fence.ours, 'nvme-n3']);
    expect(stepOf(intent, target)).toMatchObject({ kind: 'lift' });
    expect(stepOf(intent, cordoned(['nvme-n3']))).toEqual({ kind: 'forgetCordons' });
  });

  test('a person cordons the node or pool of a replica that stays: another may go, so it waits and says so', () => {
    const nodes = new Map(evidenceOf(asBefore).cluster?.nodes).set(
      'n2',
      aNode('n2', { cordoned: true, cordonLabels: ['maintenance'] }),
    );
    const evidence = evidenceOf(grown(newcomer));
    const shown = { ...evidence, cluster: { pools: evidence.cluster?.pools ?? new Map(), nodes } };
    expect(stepOf(withRound(synced), shown)).toEqual({ kind: 'wait', reason: 'KeptReplicaCordoned' });
    expect(stepOf(withRound(synced), { ...shown, stableForMs: 11 * MINUTE_MS })).toMatchObject({ kind: 'attend' });
    for (const pool of ['sata-n2', 'nvme-n3']) {
      const beside = cordoned([pool], {}, grown(newcomer));
      expect(stepOf(withRound(synced), beside)).toEqual({ kind: 'wait', reason: 'KeptReplicaCordoned' });
    }
    expect(stepOf(withRound(synced), cordoned(['sata-n1'], {}, grown(newcomer)))).toMatchObject({ kind: 'planSteer' });
  });

  test('a person relabels the pool or node of a replica that stays: Mayastor would remove that one, so it waits', () => {
    const topology = { poolInclusion: { kept: 'yes' }, nodeInclusion: { kept: 'yes' } };
    const labels = { kept: 'yes' };
    const shown = (
      change: Partial<Record<'sata-n1' | 'sata-n2' | 'n2', Record<string, string>>>,
      volume = grown(newcomer),
    ) => {
      const evidence = evidenceOf({ ...volume, topology });
      const pools = new Map(evidence.cluster?.pools);
      const nodes = new Map(evidence.cluster?.nodes);
      for (const pool of ['sata-n1', 'sata-n2'] as const)
        pools.set(pool, aPool(pool, { mayastorLabels: change[pool] ?? labels }));
      for (const pool of ['nvme-n3', 'nvme-n4']) pools.set(pool, aPool(pool, { mayastorLabels: labels }));
      for (const node of ['n1', 'n3', 'n4']) nodes.set(node, aNode(node, { labels }));
      nodes.set('n2', aNode('n2', { labels: change.n2 ?? labels }));
      return { ...evidence, cluster: { pools, nodes } };
    };
    const waits = { kind: 'wait', reason: 'KeptReplicaMisfits' };
    expect(stepOf(withRound(synced), shown({}))).toMatchObject({ kind: 'planSteer' });
    expect(stepOf(withRound(synced), shown({ 'sata-n2': {} }))).toEqual(waits);
    expect(stepOf(withRound(synced), shown({ n2: { kept: 'no' } }))).toEqual(waits);
    // What goes fits no better.
    expect(stepOf(withRound(synced), shown({ 'sata-n1': {}, 'sata-n2': {} }))).toMatchObject({ kind: 'planSteer' });
    expect(stepOf(withRound(synced), shown({ 'sata-n1': {}, n2: {} }))).toEqual(waits);
    // Nor is a copy made for that: the one that fits worst goes first.
    const begins = (change: Parameters<typeof shown>[0]): Step =>
      stepOf(anIntent({ placement: before }), shown(change, asBefore));
    expect(begins({ 'sata-n1': {} })).toMatchObject({ rounds: [{ sourceReplicaId: 'on-sata-n1' }, {}] });
    expect(begins({ 'sata-n2': {} })).toMatchObject({ rounds: [{ sourceReplicaId: 'on-sata-n2' }, {}] });
    const staying = aVolume({ placement: ['sata-n1', 'nvme-n2'] });
    expect(stepOf(anIntent({ placement: ['sata-n1', 'nvme-n2'] }), shown({ n2: {} }, staying))).toMatchObject({
      kind: 'end',
      end: { reason: 'NoPlacement', message: expect.stringContaining('pool nvme-n2 stays and does not fit') },
    });
  });

  test('another move fills the pool: nothing grows there, and whether one does has to be known', () => {
    const intent = withRound({ fence: fenced, growths: 0 });
    const filled = (gib: number): Step =>
      stepOf(intent, cordoned(fence.ours, { arriving: new Map([['nvme-n3', gib * 1024 ** 3]]) }));
    expect(filled(844)).toEqual({ kind: 'grow', replicaCount: 3 });
    expect(filled(846)).toMatchObject({ kind: 'lift' });
    // Once that is done it is not put up again.
    const full = { arriving: new Map([['nvme-n3', 846 * 1024 ** 3]]) };
    expect(stepOf(intent, evidenceOf(asBefore, full))).toEqual({ kind: 'forgetCordons' });
    expect(stepOf(withRound({ growths: 0 }), evidenceOf(asBefore, { arriving: new Map() }))).toMatchObject({
      kind: 'endRound',
    });
    const { arriving: _, ...unheard } = cordoned(fence.ours);
    expect(stepOf(intent, unheard)).toEqual({ kind: 'look', at: 'arriving' });
    // Nothing is chosen either, but what stands is taken away without any news.
    const { arriving: _none, ...unheardBefore } = evidenceOf(asBefore);
    expect(stepOf(anIntent({ placement: before }), unheardBefore)).toEqual({ kind: 'look', at: 'arriving' });
    expect(stepOf(intent, { ...unheard, mayAct: false })).toMatchObject({ kind: 'lift' });
  });

  test('a node is drained: nothing begins', () => {
    const nodes = new Map(evidenceOf(asBefore).cluster?.nodes).set(
      'n2',
      aNode('n2', { draining: true, cordoned: true }),
    );
    const evidence = evidenceOf(asBefore);
    const shown = { ...evidence, cluster: { pools: evidence.cluster?.pools ?? new Map(), nodes } };
    expect(stepOf(anIntent({ placement: before }), shown)).toMatchObject({
      kind: 'end',
      end: { reason: 'NoPlacement', message: expect.stringContaining('drained') },
    });
    // The same where it is read from there alone.
    const elsewhere = new Map(nodes).set('n2', aNode('n2')).set('n4', aNode('n4', { draining: true, cordoned: true }));
    const { pools } = shown.cluster;
    const read = aVolume({ placement: before, target: { nexusId: 'nexus', node: 'n4', online: true } });
    expect(
      stepOf(anIntent({ placement: before }), evidenceOf(read, { cluster: { pools, nodes: elsewhere } })),
    ).toMatchObject({ kind: 'end', end: { message: expect.stringContaining('node n4 is drained') } });
    // Nor does what has begun go on; its fence goes, and does not come again.
    const intent = withRound({ fence: fenced, growths: 0 });
    expect(stepOf(intent, shown)).toEqual({ kind: 'forgetCordons' });
  });

  test('the new replica dies and nothing replaces it: the count comes back', () => {
    const alone = aVolume({ placement: before, replicaCount: 3 });
    expect(stepOf(withRound(added), evidenceOf(alone, { stableForMs: MINUTE_MS }))).toEqual({
      kind: 'wait',
      reason: 'ReplicaNotPlaced',
    });
    expect(stepOf(withRound(added), evidenceOf(alone, { stableForMs: 3 * MINUTE_MS }))).toEqual({
      kind: 'shrink',
      replicaCount: 2,
      victimReplicaId: undefined,
    });
  });

  test('it is not filled in time: it goes again, and that is a failure', () => {
    const late = evidenceOf(grown(filling), { nowMs: START_MS + 31 * MINUTE_MS });
    expect(stepOf(withRound(added), late)).toMatchObject({ kind: 'rollBack', rollback: { reason: 'SyncTimeout' } });
  });

  test('all is stopped: cordons go, nothing else happens', () => {
    const stopped = { mayAct: false } as const;
    expect(stepOf(withRound({ fence: fenced }), cordoned(fence.ours, stopped))).toMatchObject({ kind: 'lift' });
    expect(stepOf(withRound({}), cordoned([], stopped))).toEqual({ kind: 'wait', reason: 'Stopped' });
    expect(stepOf(anIntent({ placement: before }), evidenceOf(asBefore, stopped))).toEqual({
      kind: 'wait',
      reason: 'Stopped',
    });
  });
});

describe('zones', () => {
  const inZones = (zones: Readonly<Record<string, string>>, change: Partial<ActiveIntent> = {}): Step => {
    const { pools = new Map() } = evidenceOf(asBefore).cluster ?? {};
    const named = ['n1', 'n2', 'n3', 'n4'].map((name): [string, SeenNode] => {
      const zone = zones[name];
      return [name, aNode(name, zone === undefined ? {} : { labels: { [ZONE_LABEL]: zone } })];
    });
    return stepOf(
      anIntent({ placement: before, ...change }),
      evidenceOf(asBefore, { cluster: { pools, nodes: new Map(named) } }),
    );
  };
  const routes = (step: Step): string[] =>
    step.kind === 'startRound'
      ? step.rounds.map(
          ({ sourceReplicaId, targetPool }) => `${sourceReplicaId.slice('on-sata-'.length)} ${targetPool}`,
        )
      : [step.kind];

  test('a replica goes to its own zone first, and to another only if the volume lies in as many afterwards', () => {
    // The one on n2 goes first, since the target is on n1.
    expect(routes(inZones({ n1: 'a', n2: 'b', n3: 'a', n4: 'b' }))).toEqual(['n2 nvme-n4']);
    expect(routes(inZones({ n1: 'a', n2: 'b', n3: 'c', n4: 'b' }))).toEqual(['n2 nvme-n4', 'n2 nvme-n3']);
    expect(routes(inZones({ n1: 'a', n2: 'a', n3: 'b', n4: 'c' }))).toEqual(['n2 nvme-n3', 'n2 nvme-n4']);
    expect(inZones({ n1: 'a', n2: 'b', n3: 'c', n4: 'b' })).toMatchObject({ zones: 2 });
  });

  test('the other replica goes first where that one has no place', () => {
    expect(routes(inZones({ n1: 'a', n2: 'b', n3: 'a', n4: 'a' }))).toEqual(['n1 nvme-n3', 'n1 nvme-n4']);
  });

  test('what no zone is known of is no spread', () => {
    expect(routes(inZones({}))).toEqual(['n2 nvme-n3', 'n2 nvme-n4']);
    expect(routes(inZones({ n3: 'a', n4: 'b' }))).toEqual(['n2 nvme-n3', 'n2 nvme-n4']);
    const given = inZones({ n1: 'a', n2: 'b' }, { targetPools: ['nvme-n3', 'nvme-n4'] });
    expect(given).toMatchObject({ kind: 'end', end: { outcome: 'failed', reason: 'NoPlacement' } });
    expect(given).toMatchObject({ end: { message: expect.stringContaining('nvme-n3: FewerZones') } });
  });

  test('a zone that was gained on the way may be given up again', () => {
    const zones = { n1: 'a', n2: 'b', n3: 'a', n4: 'a' };
    const allButOne = { targetPools: ['nvme-n3', 'nvme-n4', 'sata-n1'] };
    expect(routes(inZones(zones, allButOne))).toEqual(['end']);
    expect(routes(inZones(zones, { ...allButOne, zones: 1 }))).toEqual(['n2 nvme-n3', 'n2 nvme-n4']);
  });
});

describe('what a move does not begin with', () => {
  const endOf = (volume: SeenVolume, change: Partial<ActiveIntent> = {}, evidence: Partial<Evidence> = {}): Step =>
    stepOf(
      anIntent({ placement: before, ...change }),
      evidenceOf(volume, { stableForMs: 11 * MINUTE_MS, ...evidence }),
    );

  test.each<[string, SeenVolume, object]>([
    ['unpublished', { ...asBefore, target: undefined }, { outcome: 'aborted', reason: 'NotPublished' }],
    ['degraded', { ...asBefore, status: 'Degraded' }, { outcome: 'failed', reason: 'VolumeDegraded' }],
    ['with self-heal off', { ...asBefore, selfHeal: false }, { outcome: 'failed', reason: 'Refused' }],
    ['with snapshots', { ...asBefore, hasSnapshots: true }, { outcome: 'failed', reason: 'Refused' }],
  ])('%s', (_, volume, end) => {
    expect(endOf(volume)).toMatchObject({ kind: 'end', end });
  });

  test('snapshots are moved with the word of the policy', () => {
    expect(endOf({ ...asBefore, hasSnapshots: true }, { allowSnapshots: true })).toMatchObject({ kind: 'startRound' });
  });

  /** The pools of the tier, `offline` those that are not online. */
  const clusterWith = (offline: readonly string[], absent: readonly string[] = []): Pick<Evidence, 'cluster'> => {
    const { pools = new Map(), nodes = new Map() } = evidenceOf(asBefore).cluster ?? {};
    const shown = [...pools.keys()].filter((name) => !absent.includes(name));
    const change = (name: string) => (offline.includes(name) ? { online: false } : {});
    return { cluster: { pools: new Map(shown.map((name) => [name, aPool(name, change(name))])), nodes } };
  };
  const tier = ['nvme-n1', 'nvme-n2', 'nvme-n3', 'nvme-n4'];

  test('pools of the tier that are all away, some of them beside a replica', () => {
    const away = endOf(asBefore, { targetPools: [...tier] }, clusterWith(tier));
    expect(away).toMatchObject({
      kind: 'end',
      end: { reason: 'TargetPoolOffline', message: expect.stringContaining('nvme-n3, nvme-n4 is online') },
    });
    expect(endOf(asBefore, { targetPools: [...tier] }, clusterWith(['nvme-n3']))).toMatchObject({ kind: 'startRound' });
  });

  test('pools of the tier that Mayastor does not know', () => {
    expect(endOf(asBefore, { targetPools: [...tier] }, clusterWith([], tier))).toMatchObject({
      kind: 'end',
      end: { reason: 'TargetPoolNotFound', message: expect.stringContaining('nvme-n1, nvme-n2') },
    });
  });

  test('a topology that excludes the tier', () => {
    expect(endOf({ ...asBefore, topology: { poolInclusion: { tier: 'sata' } } })).toMatchObject({
      kind: 'end',
      end: { reason: 'NoPlacement', message: expect.stringContaining('PoolTopology') },
    });
  });
});
