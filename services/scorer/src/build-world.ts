import type { PolicyObserved, VolumeObserved } from '@couchestor/shared/messages';
import { unknownScores, type ScoreTable } from './core/score-table.ts';
import type { OutstandingRequest, World, WorldPolicy, WorldVolume } from './core/world.ts';
import type { PolicySpec } from '@couchestor/shared/policy';
import type { Observed, ObservedWorld, WindowCalendar } from './ports.ts';
import { readPolicy, readVolume, type ReadPolicy } from './read-facts.ts';

export interface WorldBuilder {
  /** The policies as they are to be read; specs are parsed once per version. */
  policies(observed: ObservedWorld): readonly ReadPolicy[];
  build(input: BuildInput): World;
}

interface BuildInput {
  readonly observed: ObservedWorld;
  readonly tableOf: (spec: PolicySpec) => ScoreTable;
  readonly outstanding: ReadonlyMap<string, OutstandingRequest>;
  readonly graceUntilMs: number;
  readonly requestLifeMs: number;
  readonly rebuildBytesPerSecond: number;
  readonly nowMs: number;
}

/** Puts together what the core decides by. Facts are immutable, so what was read of one holds for as long as it does. */
export function createWorldBuilder(calendar: WindowCalendar): WorldBuilder {
  const policies = new WeakMap<PolicyObserved, ReadPolicy>();
  const volumes = new WeakMap<Observed<VolumeObserved>, WorldVolume>();
  const readOnce = <K extends object, V>(known: WeakMap<K, V>, key: K, read: (key: K) => V): V => {
    const value = known.get(key) ?? read(key);
    known.set(key, value);
    return value;
  };
  const read = (observed: ObservedWorld): readonly ReadPolicy[] =>
    observed.policies.map((policy) => readOnce(policies, policy, readPolicy));
  return {
    policies: read,
    build: ({ observed, tableOf, nowMs, ...rest }) => ({
      ...rest,
      policies: read(observed).map((policy): WorldPolicy =>
        policy.kind === 'invalid'
          ? policy
          : { ...policy, window: calendar.stateAt(policy.spec.windows, nowMs), scores: tableOf(policy.spec) },
      ),
      volumes: Array.from(observed.volumes.values(), (fact) => readOnce(volumes, fact, readVolume)),
      pools: observed.pools,
      nodes: observed.nodes,
      cluster: observed.cluster,
      movers: observed.movers,
      intents: observed.intents,
      recentStarts: observed.recentStarts,
    }),
  };
}

/** Scores that are too old are not scores any more. */
export function outdatedScores(): ScoreTable {
  return unknownScores('Stale', {
    available: false,
    reason: 'PrometheusUnavailable',
    message: 'Prometheus has not answered for more than two cycles.',
  });
}

/** Of a policy that is new, or asks for something new, while the answers to other questions are still fresh. */
export function awaitedScores(): ScoreTable {
  return unknownScores('NoSeries', {
    available: false,
    reason: 'NotAskedYet',
    message: 'Prometheus has not answered yet what this policy asks for.',
  });
}
