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
  const subscriber = run('examples/subscribe.ts', [natsUrl, '--since', 'all', '--json']);
  onTestFinished(() => subscriber[Symbol.asyncDispose]());

  for (const demo of demos) {
    expect(await demo.exited).toBe(0);
    expectSound(reportOf(demo));
    expect(reportOf(demo).moves.completed).toBeGreaterThan(3);
  }
  const told = toldMoves(subscriber.lines);
  expect([...told.values()].filter((names) => names.at(-1) === 'completed')).toHaveLength(
    demos[0] === undefined ? 0 : reportOf(demos[0]).moves.completed,
  );
  for (const names of told.values()) expect(names.join(' ')).toMatch(WHOLE_MOVE);
  expect(subscriber.lines.filter((line) => line.includes('decision.made')).length).toBeGreaterThanOrEqual(14);
});

/** What is told of one move, in order: it begins, replica after replica goes its way, and it ends once. */
const WHOLE_MOVE = /^(refused ?)*(accepted( replica-added( synced( replica-removed)?)?)* (completed|failed|aborted))?$/;

function toldMoves(lines: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const moves = new Map<string, string[]>();
  for (const line of lines) {
    const { name: kind, data } = JSON.parse(line) as {
      readonly name: string;
      readonly data: { readonly migrationId?: string };
    };
    const [, name] = /^migration\.(.*)$/.exec(kind) ?? [];
    if (name === undefined || data.migrationId === undefined) continue;
    moves.set(data.migrationId, [...(moves.get(data.migrationId) ?? []), name]);
  }
  return moves;
}

test('services and servers that are killed again and again still bring every volume to its tier', async () => {
  const demo = runDemo(['--volumes', '12', '--seed', '3', '--chaos-servers', '--until-settled', '--json']);
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
