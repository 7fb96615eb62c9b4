import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, vi } from 'vitest';
import type { PodBed } from './pod-bed.ts';

export interface HistoryEntry {
  readonly migrationId: string;
  readonly volumeName: string;
  readonly timestamp: string;
  readonly fromTier?: string;
  readonly toTier: string;
  readonly success: boolean;
  readonly error?: string;
}

export interface PolicyStatus {
  readonly phase: string;
  readonly observedGeneration: number;
  readonly watchedVolumes: number;
  readonly hotVolumes: number;
  readonly coldVolumes: number;
  readonly mixedVolumes: number;
  readonly activeMigrations: number;
  readonly totalMigrations: number;
  readonly failedMigrations: number;
  readonly migrationHistory?: readonly HistoryEntry[];
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
}

interface Policy {
  readonly metadata: { readonly generation: number };
  readonly status?: PolicyStatus;
}

interface Move {
  readonly migrationId: string;
  readonly volumeName: string;
  readonly step: string;
  readonly targetPool?: string;
}

/** Everything is above the high watermark, or everything is below the low one: whatever is not there yet wants to move. */
export const demands = {
  hot: { highWatermarkIOPS: 1, lowWatermarkIOPS: 0 },
  cold: { highWatermarkIOPS: 100_000_000, lowWatermarkIOPS: 99_999_999 },
} as const;

/** A bed with one policy in the middle of its work. */
export interface Stage {
  readonly bed: PodBed;
  readonly policy: string;
  /** The name of a PersistentVolume, where a row is about one. */
  volume: string;
  /** Since when all is as it should be; problems of the time before are no news. */
  readonly readyAtMs: number;
  status(): Promise<PolicyStatus>;
  /** Changes the spec, and waits until the watcher has seen it. */
  patch(spec: object): Promise<void>;
  /** The moves that some migrator works on now. */
  moves(): Promise<readonly Move[]>;
  /** Waits until so many moves are in flight, and answers with them. */
  untilMoving(count: number, withinMs?: number): Promise<readonly Move[]>;
  /** Waits until nothing is in flight. */
  untilAtRest(withinMs?: number): Promise<void>;
}

export function createStage(bed: PodBed, policy: string, readyAtMs: number): Stage {
  const read = () => bed.get<Policy>(`storagepolicy ${policy}`);
  const stage: Stage = {
    bed,
    policy,
    volume: '',
    readyAtMs,
    status: async () => {
      const { status } = await read();
      if (status === undefined) throw new Error(`${policy} has no status yet`);
      return status;
    },
    patch: async (spec) => {
      await bed.shell(`kubectl patch storagepolicy ${policy} --type=merge -p '${JSON.stringify({ spec })}'`);
      const seen = async () => {
        const { metadata, status } = await read();
        expect(status?.observedGeneration).toBe(metadata.generation);
      };
      await vi.waitFor(seen, { timeout: 60_000, interval: 200 });
    },
    moves: async () => {
      const pods = await bed.shell('kubectl get pods -n kube-system -l app.kubernetes.io/component=migrator -o name');
      const all = await Promise.all(
        pods.split('\n').map(async (pod) => {
          const path = `/api/v1/namespaces/kube-system/pods/${pod.replace('pod/', '')}:8081/proxy/v1/moves`;
          // A pod that comes or goes answers nobody, and works on nothing.
          return bed.shell(`kubectl get --raw ${path}`).then(
            (text) => JSON.parse(text) as readonly Move[],
            () => [],
          );
        }),
      );
      return all.flat();
    },
    untilMoving: async (count, withinMs = 60_000) => {
      const enough = async () => {
        const moves = await stage.moves();
        expect(moves.length).toBeGreaterThanOrEqual(count);
        return moves;
      };
      return vi.waitFor(enough, { timeout: withinMs, interval: 300 });
    },
    untilAtRest: async (withinMs = 90_000) => {
      const atRest = async () => {
        expect((await stage.status()).activeMigrations).toBe(0);
        expect(await stage.moves()).toEqual([]);
      };
      await vi.waitFor(atRest, { timeout: withinMs, interval: 500 });
    },
  };
  return stage;
}

/** A command that goes on, such as one with `-f`. */
export interface Following extends AsyncDisposable {
  readonly lines: readonly string[];
}

/** Runs a line of a guide as a terminal would show it: line by line, until it is disposed of. */
export function follow(line: string, env: NodeJS.ProcessEnv): Following {
  const lines: string[] = [];
  // A program that finds no terminal keeps its lines back until it has many; stdbuf talks it out of that.
  const child: ChildProcess = spawn('stdbuf', ['-oL', 'bash', '-c', line], {
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const closed = once(child, 'close');
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (text) => lines.push(text));
  return {
    lines,
    [Symbol.asyncDispose]: async () => {
      // It has a group of its own, so that what it started ends too.
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid);
      await closed;
    },
  };
}
