import { createVirtualClock } from '@couchestor/shared/clock';
import { expect, test } from 'vitest';
import { createChaos } from '../world/chaos.ts';
import { ApiServerAway } from '../world/kubernetes.ts';
import { createProcess } from '../world/process.ts';
import { begin } from './task.ts';
import { createWays } from './ways.ts';

test('what reaches a server late and is refused there is nobody’s to hear of, also where the server is away', async () => {
  const clock = createVirtualClock();
  const process = createProcess({ name: 'watcher-1', clock, wallOffsetMs: 0, onKill: () => undefined });
  const late = { id: 'late', random: () => 0.7 };
  const chaos = createChaos({ seed: 1, rate: 1, only: undefined, onLot: () => undefined });
  const ways = createWays({
    process,
    clock,
    chaos: { ...chaos, spot: () => () => late },
    severeShare: 1,
    random: () => 0.5,
    isCut: () => false,
  });
  let arrivals = 0;
  const failures: unknown[] = [];
  const arrive = (): void => {
    arrivals += 1;
    throw new ApiServerAway();
  };
  begin(
    (function* () {
      yield* ways.ask('kubernetes write', 1_000, arrive, () => new Error('no answer'));
    })(),
    (error) => failures.push(error),
  );
  await clock.advance(5_000);
  expect({ arrivals, failures }).toEqual({ arrivals: 1, failures: [new Error('no answer')] });
});
