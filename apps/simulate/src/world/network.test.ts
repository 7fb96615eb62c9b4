import { createVirtualClock } from '@couchestor/shared/clock';
import { expect, test } from 'vitest';
import { createChaos } from './chaos.ts';
import { createNetwork } from './network.ts';
import { createProcess, type SimulatedProcess } from './process.ts';

function scene(rate: number, seed = 1) {
  const clock = createVirtualClock();
  const network = createNetwork({ clock, chaos: createChaos({ seed, rate, only: undefined, onLot: () => undefined }) });
  const start = (name: string): SimulatedProcess =>
    createProcess({ name, clock, wallOffsetMs: 0, onKill: () => undefined });
  return { clock, network, start };
}
const late = { timeoutMs: 1_000, timedOut: () => new Error('no answer') };

test('among faults a request is done at most once, and its sender learns of it, of none, or of nothing at all', async () => {
  const { clock, network, start } = scene(1);
  const seen = { answered: 0, done: 0, refusedButDone: 0, twice: 0, answeredUndone: 0 };
  for (let index = 0; index < 500; index += 1) {
    const process = start(`p${index}`);
    let effects = 0;
    let outcome: 'answered' | 'failed' | undefined;
    network
      .askOnce(process, 'write', () => (effects += 1), late)
      .then(
        () => (outcome = 'answered'),
        () => (outcome = 'failed'),
      );
    await clock.advance(5_000);
    if (outcome === 'answered') seen.answered += 1;
    if (effects > 0) seen.done += 1;
    if (effects > 0 && outcome === 'failed') seen.refusedButDone += 1;
    if (effects > 1) seen.twice += 1;
    if (outcome === 'answered' && effects === 0) seen.answeredUndone += 1;
  }
  expect(seen.twice).toBe(0);
  expect(seen.answeredUndone).toBe(0);
  expect(seen.answered).toBeGreaterThan(50);
  expect(seen.refusedButDone).toBeGreaterThan(50);
  expect(seen.done).toBeLessThan(450);
});

test('a channel carries messages in order, whatever is late', async () => {
  const { clock, network, start } = scene(0.5);
  const channel = network.channel(start('reader'), 'facts');
  const heard: number[] = [];
  for (let index = 0; index < 200; index += 1) {
    clock.after(index * 100, () => channel.send(() => heard.push(index)));
  }
  await clock.advance(120_000);
  expect(heard).toEqual(Array.from({ length: 200 }, (_, index) => index));
});

test('a process that stands still hears all when it goes on, and a dead one nothing', async () => {
  const { clock, network, start } = scene(0);
  const [still, dead] = [start('still'), start('dead')];
  const heard: string[] = [];
  for (const process of [still, dead]) network.channel(process, 'facts').send(() => heard.push(process.name));
  network
    .askOnce(still, 'read', () => 'answer', late)
    .then(
      (answer) => heard.push(answer),
      () => undefined,
    );
  still.pauseFor(30_000);
  dead.kill();
  await clock.advance(29_000);
  expect(heard).toEqual([]);
  await clock.advance(2_000);
  expect(heard).toEqual(['still', 'answer']);
});
