import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { descendantsOf, isAlive, reportOf, run, runDemo, type DemoReport } from './demo-run.ts';

function expectSound(report: DemoReport): void {
  expect(report.settled).toBe(true);
  expect(report.volumes.eligible).toBeGreaterThan(0);
  expect(report.volumes.onWantedTier).toBe(report.volumes.eligible);
  expect(report.volumes.mixed).toBe(0);
  expect(report.redundancyViolations).toBe(0);
  expect(report.leftovers).toEqual({ cordons: 0, leases: 0, intents: 0, extraReplicas: 0 });
}

test('two demos beside each other bring every volume to its tier and leave nothing behind', async () => {
  const demos = [1, 7].map((seed) => runDemo(['--volumes', '14', '--seed', String(seed), '--until-settled', '--json']));
  for (const demo of demos) onTestFinished(() => demo[Symbol.asyncDispose]());
  const [first] = demos;
  const natsUrl = / (nats:\/\/\S+)/.exec((await first?.line(/ nats:\/\//)) ?? '')?.[1] ?? '';
  const subscriber = run('examples/subscribe.ts', [natsUrl]);
  onTestFinished(() => subscriber[Symbol.asyncDispose]());

  for (const demo of demos) {
    expect(await demo.exited).toBe(0);
    expectSound(reportOf(demo));
    expect(reportOf(demo).moves.completed).toBeGreaterThan(3);
  }
  const steps = [
    'migration.accepted',
    'migration.replica-added',
    'migration.synced',
    'migration.replica-removed',
    'migration.completed',
  ];
  for (const step of steps)
    expect(subscriber.lines.some((line) => line.includes(step.slice('migration.'.length)))).toBe(true);
});

test('services that are killed again and again still bring every volume to its tier', async () => {
  const demo = runDemo(['--volumes', '14', '--seed', '3', '--chaos', '--until-settled', '--json']);
  onTestFinished(() => demo[Symbol.asyncDispose]());
  expect(await demo.exited).toBe(0);
  const report = reportOf(demo);
  expectSound(report);
  expect(report.kills).toBeGreaterThan(2);
});

test('Ctrl-C ends every process that the demo started', async () => {
  const demo = runDemo(['--volumes', '8']);
  onTestFinished(() => demo[Symbol.asyncDispose]());
  await demo.line(/OnWantedTier|AboveHighWatermark/);
  const pids = descendantsOf(demo.child.pid ?? 0);
  expect(pids.length).toBeGreaterThan(5);
  demo.child.kill('SIGINT');
  expect(await demo.exited).toBe(0);
  const deadline = performance.now() + 5_000;
  while (pids.some(isAlive) && performance.now() < deadline) await sleep(20);
  expect(pids.filter(isAlive)).toEqual([]);
});

test('an option that cannot be is refused with its name, its value and the remedy', async () => {
  const demo = runDemo(['--volumes', 'many']);
  expect(await demo.exited).toBe(2);
});
