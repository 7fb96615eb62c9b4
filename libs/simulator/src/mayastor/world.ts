import type { Clock } from '@couchestor/shared/clock';
import type { Nexus, Pool, Rebuild, Replica, Snapshot, StorageNode, Volume } from './entities.ts';
import { createIndexMap, type IndexMap } from './index-map.ts';
import { createLedger, type Ledger } from './ledger.ts';
import {
  capabilitiesOf,
  defaultTimers,
  type Capabilities,
  type Choose,
  type IdentifierOf,
  type MayastorModelOptions,
  type MayastorTimers,
  type MayastorVersion,
  type NewIdentifier,
} from './options.ts';
import type { LoadCurve } from './load.ts';

/** Everything that exists, and the few settings that every part of the model reads. */
export interface World {
  readonly clock: Clock;
  /** Forgets everything that is still to come. */
  readonly cancelTimers: () => void;
  /** Reading of the clock when the model was made. */
  readonly startMs: number;
  readonly random: () => number;
  readonly version: MayastorVersion;
  readonly capabilities: Capabilities;
  readonly timers: MayastorTimers;
  readonly steer: 'cordon' | 'ignored';
  readonly choose: Choose;
  readonly newId: (kind: NewIdentifier, of: IdentifierOf) => string;
  readonly rebuildMs: NonNullable<MayastorModelOptions['rebuildMs']>;
  readonly ledger: Ledger;
  readonly nodes: Map<string, StorageNode>;
  readonly pools: Map<string, Pool>;
  readonly volumes: IndexMap<Volume>;
  readonly replicas: IndexMap<Replica>;
  readonly nexuses: Map<string, Nexus>;
  readonly snapshots: Map<string, Snapshot>;
  readonly affinityGroups: Map<string, Set<Volume>>;
  readonly loads: Map<string, LoadCurve>;
  readonly rebuilds: Set<Rebuild>;
  /** Rebuilds that ended since the last cache poll: they still count against the limit. */
  endedRebuilds: { readonly startedAtMs: number; readonly endedAtMs: number }[];
  /** Replicas that nobody owns and that are still on a disk or in a record. */
  readonly orphans: Set<Replica>;
  maxRebuilds: number | undefined;
  rebuildBytesPerSecond: number;
  core: { state: 'up' | 'down' | 'stuck'; life: number };
  storeStuck: boolean;
  /** Asks the reconcilers to look at a volume at their next pass. */
  wake: (volume: Volume) => void;
  /** Asks them to pass at once, as the core does when a node appears. */
  passSoon: () => void;
  /** How long the next call of this kind to an engine lasts, if something is wrong with it. */
  engineDelay: (call: EngineCallKind, node: StorageNode) => number | undefined;
}

export type EngineCallKind = 'createReplica' | 'destroyReplica' | 'nexus';

export function createWorld(options: MayastorModelOptions): World {
  const version = options.version ?? '2.12.2';
  const { clock, cancelAll } = cancellable(options.clock);
  const startMs = clock.monotonicMs();
  return {
    clock,
    cancelTimers: cancelAll,
    startMs,
    random: options.random,
    version,
    capabilities: capabilitiesOf(version),
    timers: { ...defaultTimers, ...options.timers },
    steer: options.steer ?? 'cordon',
    choose: options.choose ?? chooseAgainstTheMover(options.random),
    newId: options.newId ?? (() => randomUuid(options.random)),
    rebuildMs: options.rebuildMs ?? (() => undefined),
    ledger: createLedger({ nowMs: () => clock.monotonicMs() - startMs, details: options.ledgerDetails ?? 2_000 }),
    nodes: new Map(),
    pools: new Map(),
    volumes: createIndexMap(),
    replicas: createIndexMap(),
    nexuses: new Map(),
    snapshots: new Map(),
    affinityGroups: new Map(),
    loads: new Map(),
    rebuilds: new Set(),
    endedRebuilds: [],
    orphans: new Set(),
    maxRebuilds: options.maxRebuilds,
    rebuildBytesPerSecond: options.rebuildBytesPerSecond ?? 200 * 1024 * 1024,
    core: { state: 'up', life: 0 },
    storeStuck: false,
    wake: () => undefined,
    passSoon: () => undefined,
    engineDelay: () => undefined,
  };
}

/** The same clock, whose timers can all be cancelled at once. */
function cancellable(clock: Clock): { readonly clock: Clock; readonly cancelAll: () => void } {
  const cancels = new Set<() => void>();
  const after = (ms: number, run: () => void): (() => void) => {
    const cancel = clock.after(ms, () => {
      cancels.delete(cancel);
      run();
    });
    cancels.add(cancel);
    return () => {
      cancels.delete(cancel);
      cancel();
    };
  };
  return {
    clock: {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      sleep: (ms, signal) => clock.sleep(ms, signal),
      after,
    },
    cancelAll: () => {
      for (const cancel of cancels) cancel();
      cancels.clear();
    },
  };
}

/** Milliseconds since the model was made. */
export function now(world: World): number {
  return world.clock.monotonicMs() - world.startMs;
}

/**
 * Equal victims: half of the time the youngest, which is the replica that a mover has just made. Everything else that
 * Mayastor leaves open is drawn by lot.
 */
function chooseAgainstTheMover(random: () => number): Choose {
  return (choice, ids) =>
    choice === 'victim' && random() < 0.5 ? ids.length - 1 : Math.floor(random() * ids.length) % ids.length;
}

const hex = '0123456789abcdef';

/** A version 4 UUID from a source of randomness that a seed can repeat. */
export function randomUuid(random: () => number): string {
  let text = '';
  for (let position = 0; position < 36; position += 1) {
    if (position === 8 || position === 13 || position === 18 || position === 23) text += '-';
    else if (position === 14) text += '4';
    else if (position === 19) text += hex[8 + Math.floor(random() * 4)] ?? '8';
    else text += hex[Math.floor(random() * 16)] ?? '0';
  }
  return text;
}

export function picked<T>(items: readonly T[], position: number): T {
  const item = items[position] ?? items[0];
  if (item === undefined) throw new Error('a choice needs at least one candidate');
  return item;
}
