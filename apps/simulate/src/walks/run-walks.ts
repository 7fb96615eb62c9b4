import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundling } from '../bundle.ts';
import { simulate } from '../simulation.ts';
import type { WalkReport } from './worker.ts';

interface WalksOptions {
  /** To begin, in all. */
  readonly moves: number;
  readonly firstSeed: number;
  readonly seeds: number;
  readonly workers: number;
  /** For the bundle of the worker. */
  readonly folder: string;
  readonly say: (line: string) => void;
}

/** What all walks come to. */
interface WalksSummary {
  readonly walks: number;
  readonly moves: number;
  readonly completed: number;
  readonly seconds: number;
  readonly movesPerSecond: number;
  readonly transitions: number;
  readonly faults: number;
  readonly wrongs: readonly { readonly seed: number; readonly what: string }[];
}

const TELL_EVERY_MS = 10_000;

/** The protocol's core alone, through worlds that have too many states to be visited, until something is wrong. */
export async function runWalks({ folder, say, ...options }: WalksOptions): Promise<WalksSummary> {
  const bundle = `${folder}walks-${process.pid}.mjs`;
  await build({ ...bundling(fileURLToPath(new URL('worker.ts', import.meta.url))), outfile: bundle });
  const sums = { walks: 0, moves: 0, completed: 0, transitions: 0, faults: 0 };
  const wrongs: { readonly seed: number; readonly what: string }[] = [];
  const beganMs = performance.now();
  const summary = (): WalksSummary => {
    const seconds = (performance.now() - beganMs) / 1_000;
    const movesPerSecond = Math.round(sums.moves / seconds);
    return { ...sums, seconds: Math.round(10 * seconds) / 10, movesPerSecond, wrongs };
  };
  let saidAtMs = beganMs;
  await simulate<WalkReport>({
    ...options,
    bundle,
    onReport: ({ seed, moves, completed, transitions, faults, wrongs: what }) => {
      sums.walks += 1;
      sums.moves += moves;
      sums.completed += completed;
      sums.transitions += transitions;
      sums.faults += faults;
      for (const each of what) {
        wrongs.push({ seed, what: each });
        say(`walk ${seed}: ${each}`);
      }
      if (performance.now() - saidAtMs > TELL_EVERY_MS) {
        saidAtMs = performance.now();
        say(walksLine(summary()));
      }
      return wrongs.length === 0;
    },
  });
  say(walksLine(summary()));
  return summary();
}

function walksLine({ walks, moves, completed, seconds, movesPerSecond, transitions, faults, wrongs }: WalksSummary) {
  return (
    `${walks} walks of the core, ${moves} moves (${completed} completed) in ${seconds} s, ${movesPerSecond}/s; ` +
    `${transitions} things happened, ${((100 * faults) / Math.max(1, transitions)).toFixed(1)} % of them went wrong; ` +
    `${wrongs.length} broken promises`
  );
}
