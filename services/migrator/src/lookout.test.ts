import { createVirtualClock } from '@couchestor/shared/clock';
import { expect, test } from 'vitest';
import { aVolume } from '../test/evidence.ts';
import type { SeenVolume } from './core/evidence.ts';
import { createLookout } from './lookout.ts';
import type { Mayastor } from './ports.ts';

const SECOND_MS = 1_000;
const before = ['sata-n1', 'sata-n2'];

/** Looks at one volume, whose look the test decides. */
function aLookout() {
  const clock = createVirtualClock();
  const shown: { volume: SeenVolume } = { volume: aVolume({ placement: before }) };
  const mayastor: Pick<Mayastor, 'readVolume' | 'readCluster' | 'readOwners' | 'probeIdle'> = {
    readVolume: () => Promise.resolve(shown.volume),
    readCluster: () => Promise.resolve({ pools: [], nodes: [] }),
    readOwners: () => Promise.resolve(new Map()),
    probeIdle: () => Promise.resolve('idle'),
  };
  const lookout = createLookout({
    volumeId: shown.volume.volumeId,
    mayastor: mayastor as Mayastor,
    clock,
    mayProbe: () => true,
    signal: new AbortController().signal,
  });
  return { clock, shown, lookout };
}

test('what was read beside a volume is forgotten when that is read again and looks another', async () => {
  const { clock, shown, lookout } = aLookout();
  await lookout.see({ probing: true });
  await lookout.look('cluster');
  await lookout.look('owners');
  await clock.advance(3 * SECOND_MS);
  expect(Object.keys(await lookout.see({ probing: false }))).toEqual(
    expect.arrayContaining(['idle', 'cluster', 'owners']),
  );
  shown.volume = aVolume({ placement: [...before, 'nvme-n3'] });
  await clock.advance(3 * SECOND_MS);
  const seen = await lookout.see({ probing: false });
  expect(seen).toMatchObject({ volume: shown.volume, stableForMs: 0 });
  expect(['idle', 'cluster', 'owners'].filter((piece) => piece in seen)).toEqual([]);
});

test('what reads agreed on before a call of ours counts no more, though they agree again', async () => {
  const { clock, lookout } = aLookout();
  await lookout.see({ probing: false });
  await clock.advance(30 * SECOND_MS);
  expect(await lookout.see({ probing: false })).toMatchObject({ stableForMs: 30 * SECOND_MS });
  lookout.forget();
  await clock.advance(SECOND_MS);
  expect(await lookout.see({ probing: false })).toMatchObject({ stableForMs: 31 * SECOND_MS });
  lookout.volumeTouched();
  expect(await lookout.see({ probing: false })).toMatchObject({ stableForMs: 0 });
});

test('what was read beside a volume counts for ten seconds, and the volume for a call for five', async () => {
  const { clock, lookout } = aLookout();
  await lookout.see({ probing: false });
  await lookout.look('cluster');
  await clock.advance(5 * SECOND_MS);
  expect(lookout.isFresh()).toBe(true);
  await clock.advance(1);
  expect(lookout.isFresh()).toBe(false);
  await clock.advance(5 * SECOND_MS - 1);
  expect(await lookout.see({ probing: false })).toHaveProperty('cluster');
  await clock.advance(1);
  expect(await lookout.see({ probing: false })).not.toHaveProperty('cluster');
});
