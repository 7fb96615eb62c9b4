import { fileURLToPath } from 'node:url';
import { spawnProcess } from '@couchestor/servers';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type ContainerBed, openContainerBed, whyLeftOut } from './container-bed.ts';

const leftOut = await whyLeftOut();
const MAIN = fileURLToPath(new URL('../../apps/demo/src/main.ts', import.meta.url));
const TIME_LIMIT_S = 210;

interface DemoReport {
  readonly settled: boolean;
  readonly volumes: { readonly eligible: number; readonly onWantedTier: number };
  readonly moves: { readonly completed: number; readonly active: number };
  readonly redundancyViolations: number;
  readonly leftovers: Readonly<Record<'cordons' | 'leases' | 'intents' | 'extraReplicas', number>>;
}

describe.skipIf(leftOut !== undefined)('the demo with its servers from Docker', () => {
  let bed: ContainerBed;
  beforeAll(async () => {
    bed = await openContainerBed();
  });
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
  });

  test('brings every eligible volume to its tier and leaves nothing, no container either', async () => {
    const shown: string[] = [];
    let lastOutput = '';
    await using demo = await spawnProcess({
      name: 'demo',
      command: process.execPath,
      args: [MAIN, '--until-settled', '--json', '--time-limit', String(TIME_LIMIT_S)],
      env: { ...process.env, ...bed.env },
      onLine: (line, stream) => {
        shown.push(line);
        if (stream === 'stdout') lastOutput = line;
      },
    });
    const said = (): string => shown.slice(-30).join('\n');
    await vi.waitUntil(
      async () => {
        if (!demo.running) throw new Error(`the demo ended before its servers ran:\n${said()}`);
        return (await bed.containers()).length === 3;
      },
      { timeout: 60_000, interval: 100 },
    );

    const { code } = await demo.exited;
    if (code !== 0) throw new Error(`the demo ended with code ${code}:\n${said()}`);
    const report = JSON.parse(lastOutput) as DemoReport;
    expect(report).toMatchObject({
      settled: true,
      moves: { active: 0 },
      redundancyViolations: 0,
      leftovers: { cordons: 0, leases: 0, intents: 0, extraReplicas: 0 },
    });
    expect(report.volumes.eligible).toBeGreaterThan(0);
    expect(report.volumes.onWantedTier).toBe(report.volumes.eligible);
    expect(report.moves.completed).toBeGreaterThan(0);
    expect(await bed.containers()).toEqual([]);
  });
});
