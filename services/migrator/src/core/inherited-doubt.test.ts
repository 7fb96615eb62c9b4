import type { Round } from '@couchestor/shared/messages';
import { expect, test } from 'vitest';
import { anIntent, aRound } from '../../test/evidence.ts';
import { inheritedDoubt, type InheritedDoubt } from './inherited-doubt.ts';
import { countsOver, replicaAdded, roundEnded, tryCounted } from './intent-changes.ts';

const before = ['sata-n1', 'sata-n2'];
const fence = { kind: 'pool', ours: ['nvme-n4'], foreign: [] } as const;
const none: InheritedDoubt = { count: false, cordons: false };

test.each<readonly [string, Partial<Round>, InheritedDoubt]>([
  ['nothing was asked for', {}, none],
  ['a fence that others had put up already', { fence: { ...fence, ours: [], foreign: ['nvme-n4'] } }, none],
  ['a fence', { fence: { ...fence, ours: [...fence.ours], foreign: [] } }, { count: false, cordons: true }],
  ['a growth', { growths: 1 }, { count: true, cordons: false }],
  ['a shrink', { shrinks: 1 }, { count: true, cordons: false }],
  ['a growth that is over', { growths: 1, countsOver: true }, none],
  [
    'a steer that was planned, before its cordon',
    { growths: 1, countsOver: true, steer: { kind: 'nodeCordon', node: 'n1', victimReplicaId: 'on-sata-n1' } },
    { count: false, cordons: true },
  ],
])('what is taken over with %s', (_, round, doubt) => {
  expect(inheritedDoubt(anIntent({ placement: before, round: aRound(before, 'nvme-n3', round) }))).toEqual(doubt);
});

test('another try opens the doubt again, and the end of a round leaves none', () => {
  const grown = anIntent({ placement: before, round: aRound(before, 'nvme-n3', { growths: 1 }) });
  const place = { replicaId: 'on-nvme-n3', pool: 'nvme-n3', node: 'n3' };
  const added = replicaAdded(grown, place, 0);
  expect(inheritedDoubt(added).count).toBe(true);
  expect(inheritedDoubt(countsOver(added)).count).toBe(false);
  expect(inheritedDoubt(tryCounted(countsOver(added), 'shrinks')).count).toBe(true);
  expect(inheritedDoubt(roundEnded(grown, false))).toEqual(none);
});
