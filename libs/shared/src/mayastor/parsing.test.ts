import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MalformedAnswerError } from './errors.ts';
import { featuresOf } from './features.ts';
import { parseNexus } from './nexus.ts';
import { parseNode } from './node.ts';
import { ownedByTargetAlone, parseOwners } from './owners.ts';
import { parsePool } from './pool.ts';
import { lowestVersion, versionAtLeast } from './version.ts';
import { parseVolume } from './volume.ts';

const recorded = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), 'utf8'));

test('a volume that rebuilds shows its target, its children and how far they are', () => {
  const volume = parseVolume(recorded('volume-rebuilding'));
  expect(volume).toMatchObject({ replicaCount: 3, specStatus: 'Created', status: 'Degraded', publishedOn: 'n2' });
  expect(volume).toMatchObject({ selfHeal: true, thin: true, asThin: false, snapshotCount: 0, restored: false });
  expect(volume.target).toMatchObject({ node: 'n2', state: 'Degraded', rebuilds: 1 });
  const added = volume.replicas.find(({ childStatus }) => childStatus === 'Degraded');
  expect(added).toMatchObject({ node: 'n4', pool: 'sata-n4', state: 'Online', rebuildPercent: 0 });
  const child = volume.target?.children.find(({ replicaId }) => replicaId === added?.id);
  expect(child).toMatchObject({ state: 'Degraded', rebuildPercent: 0 });
  expect(volume.replicas.map(({ id }) => id)).toEqual(volume.replicas.map(({ id }) => id).toSorted());
});

test('the children of a target are told by their URIs, local and remote', () => {
  const local = '3f50e348-2449-4385-bc85-6c0a7b51a1ac';
  const { children } = parseNexus({
    uuid: 'n',
    node: 'a',
    children: [
      { uri: `bdev:///${local}?uuid=${local}`, state: 'Online' },
      { uri: `nvmf://10.0.0.1:8420/nqn.2019-05.io.openebs:${local}?uuid=${local}`, state: 'online' },
      { uri: 'aio:///dev/sdb', state: 'Faulted' },
    ],
  });
  expect(children.map(({ replicaId }) => replicaId)).toEqual([local, local, undefined]);
  expect(children.map(({ state }) => state)).toEqual(['Online', 'Online', 'Faulted']);
});

test('what Mayastor does not say is undefined, and a word of a later release is Unknown', () => {
  const volume = parseVolume({
    spec: { uuid: 'v', size: 1, num_replicas: 1, status: 'Paused' },
    state: { status: 'Frozen', target: null, replica_topology: { r: { state: 'Tired', 'child-status': 'Odd' } } },
  });
  expect(volume).toMatchObject({ specStatus: 'Unknown', status: 'Unknown', selfHeal: false, target: undefined });
  expect(volume).toMatchObject({ snapshotCount: undefined, publishedOn: undefined });
  expect(volume.replicas).toMatchObject([
    { id: 'r', node: undefined, pool: undefined, state: 'Unknown', childStatus: 'Unknown', rebuildPercent: undefined },
  ]);
});

test('an unpublished volume has replicas without a child status', () => {
  const volume = parseVolume({
    spec: { uuid: 'v', size: 1, num_replicas: 1, status: 'Created' },
    state: { status: 'Online', replica_topology: { r: { node: 'a', pool: 'p', state: 'Online' } } },
  });
  expect(volume.replicas[0]?.childStatus).toBeUndefined();
});

test('a volume without a count is refused, since nothing stands for it', () => {
  expect(() => parseVolume({ spec: { uuid: 'v', size: 1 }, state: {} })).toThrow(MalformedAnswerError);
  expect(() => parseVolume(null)).toThrow(MalformedAnswerError);
  expect(() => parseVolume({ spec: { size: 1, num_replicas: 1 } })).toThrow(MalformedAnswerError);
});

test('topology, affinity and what later releases add are read', () => {
  const volume = parseVolume({
    spec: {
      uuid: 'v',
      size: 1,
      num_replicas: 2,
      num_snapshots: 3,
      as_thin: true,
      encrypted: true,
      affinity_group: { id: 'g' },
      content_source: { snapshot: { snapshot: 's', volume: 'w' } },
      topology: {
        pool_topology: { labelled: { inclusion: { tier: 'nvme' }, exclusion: { old: '' }, affinity_key: ['zone'] } },
        node_topology: { explicit: { allowed_nodes: ['a'], preferred_nodes: [] } },
      },
    },
    state: { replica_topology: { r: { state: 'Online', healthy: true, usage: { allocated: 7 } } } },
  });
  expect(volume).toMatchObject({ snapshotCount: 3, asThin: true, encrypted: true, affinityGroup: 'g', restored: true });
  expect(volume.topology).toMatchObject({
    poolLabels: { inclusion: { tier: 'nvme' }, exclusion: { old: '' }, affinityKeys: ['zone'] },
    nodeLabels: { inclusion: {}, exclusion: {}, affinityKeys: [] },
    allowedNodes: ['a'],
  });
  expect(volume.replicas[0]).toMatchObject({ healthy: true, allocatedBytes: 7 });
});

test('a pool shows its sizes and labels, and Unknown while its node is away', () => {
  const [pool] = (recorded('pools') as unknown[]).map(parsePool);
  expect(pool).toMatchObject({
    id: 'nvme-n4',
    node: 'n4',
    status: 'Online',
    capacityBytes: 107374182400,
    usedBytes: 0,
  });
  expect(pool).toMatchObject({ specStatus: 'Created', labels: { tier: 'nvme' }, draining: false, encrypted: false });
  expect(pool?.cordoned).toEqual({ replicas: false, snapshots: false, restores: false, import: false });
  expect(parsePool({ id: 'p', spec: { node: 'a', status: 'Created' } })).toMatchObject({
    node: 'a',
    status: 'Unknown',
    capacityBytes: undefined,
    usedBytes: undefined,
  });
});

test('a cordon of a pool and any sign of a drain are seen', () => {
  const cordonDrain = { cordoned: { replicas: true, snapshots: false, restores: false, import: false } };
  expect(parsePool({ id: 'p', spec: { cordonDrain } })).toMatchObject({
    cordoned: { replicas: true },
    draining: false,
  });
  expect(parsePool({ id: 'p', spec: { cordonDrain: { ...cordonDrain, drain: {} } } }).draining).toBe(true);
  expect(parsePool({ id: 'p', meta: { drain: { phase: 'Queued' } } }).draining).toBe(true);
});

test('cordons and drains of a node are told apart', () => {
  expect(parseNode(recorded('node-cordoned'))).toMatchObject({ cordonLabels: ['tier-mover'], drainLabels: [] });
  expect(parseNode(recorded('node-draining')).drainLabels).toEqual(['tier-mover']);
  expect((recorded('nodes') as unknown[]).map(parseNode)[0]).toMatchObject({
    id: 'n2',
    status: 'Online',
    version: 'v2.7.1',
    cordonLabels: [],
    drainLabels: [],
  });
});

test('a volume is owned by its target alone, or not', () => {
  const volume = parseVolume(recorded('volume-published'));
  const owners = parseOwners(recorded('specs'), volume.id);
  expect([...owners.keys()].toSorted()).toEqual(volume.replicas.map(({ id }) => id));
  expect(ownedByTargetAlone(volume, owners)).toBe(true);

  const [first] = owners.values();
  if (first === undefined) throw new Error('the recorded volume has replicas');
  const withOld = new Map(owners).set(first.replicaId, { ...first, nexusIds: [...first.nexusIds, 'old'] });
  expect(ownedByTargetAlone(volume, withOld)).toBe(false);
  expect(ownedByTargetAlone({ ...volume, target: undefined }, owners)).toBe(false);
  expect(ownedByTargetAlone(volume, new Map())).toBe(false);
  expect(parseOwners(recorded('specs'), 'another').size).toBe(0);
  expect(parseOwners(recorded('specs')).size).toBe(2);
});

test.each([
  ['v2.10.0', '2.10', true],
  ['2.9.9', '2.10', false],
  ['v2.10.1-rc.1', '2.10', true],
  ['v3.0.0', '2.10', true],
  ['v2.7.1', '2.7.1', true],
  ['v2.7.0', '2.7.1', false],
  ['main', '2.7', false],
  [undefined, '2.7', false],
])('%s is at least %s: %s', (version, minimum, answer) => {
  expect(versionAtLeast(version, minimum)).toBe(answer);
});

test('the lowest version is unknown as soon as one is', () => {
  expect(lowestVersion(['v2.12.0', 'v2.9.3', 'v2.10.0'])).toBe('v2.9.3');
  expect(lowestVersion(['v2.12.0', undefined])).toBeUndefined();
  expect(lowestVersion([])).toBeUndefined();
});

test('what a cluster can do is what its oldest node can', () => {
  const node = (version?: string) => parseNode({ id: version ?? 'x', spec: version === undefined ? {} : { version } });
  expect(featuresOf([node('v2.10.0'), node('v2.12.1')], true)).toEqual({
    lowestVersion: 'v2.10.0',
    mixedVersions: true,
    poolCordon: true,
    nodeCordonSteers: true,
    childRemovalSteers: false,
  });
  expect(featuresOf([node('v2.7.1')], false)).toEqual({
    lowestVersion: 'v2.7.1',
    mixedVersions: false,
    poolCordon: false,
    nodeCordonSteers: false,
    childRemovalSteers: true,
  });
  expect(featuresOf([node('v2.10.0'), node()], true)).toMatchObject({ lowestVersion: undefined, poolCordon: false });
  expect(featuresOf([node('v2.6.1')], false)).toMatchObject({ childRemovalSteers: false });
});
