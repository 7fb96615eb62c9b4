import type { PolicyObserved } from '@couchestor/shared/messages';
import { unknownScores, type ScoreTable } from './core/score-table.ts';
import type { Steps } from './core/steps.ts';
import type { OutstandingRequest, World, WorldPolicy, WorldVolume } from './core/world.ts';
import type { PolicySpec } from '@couchestor/shared/policy';
import type { ObservedWorld, WindowCalendar } from './ports.ts';
import { readPolicy, readVolume, type ReadPolicy } from './read-facts.ts';

export interface WorldBuilder {
  /** The policies as they are to be read; specs are parsed once per version. */
  policies(observed: ObservedWorld): readonly ReadPolicy[];
  /** A view of one moment: what changes while it is put together, or later, does not change it. */
  building(input: BuildInput): Steps<World>;
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

/** As many volumes as are looked at in one step. */
const STEP = 1_000;

/** Puts together what the core decides by. */
export function createWorldBuilder(calendar: WindowCalendar): WorldBuilder {
  const policies = new WeakMap<PolicyObserved, ReadPolicy>();
  const readPolicyOnce = (policy: PolicyObserved): ReadPolicy => {
    const known = policies.get(policy) ?? readPolicy(policy);
    policies.set(policy, known);
    return known;
  };
  /** Of the last world, in the order of the facts. Most of 100,000 have not changed since, and are not made anew. */
  let volumesBefore: readonly WorldVolume[] = [];
  const read = (observed: ObservedWorld): readonly ReadPolicy[] => observed.policies.map(readPolicyOnce);
  return {
    policies: read,
    building: function* ({ observed, tableOf, nowMs, ...rest }) {
      const facts = [...observed.volumes.values()];
      const world = {
        ...rest,
        policies: read(observed).map((policy): WorldPolicy =>
          policy.kind === 'invalid'
            ? policy
            : { ...policy, window: calendar.stateAt(policy.spec.windows, nowMs), scores: tableOf(policy.spec) },
        ),
        pools: observed.pools,
        nodes: observed.nodes,
        cluster: observed.cluster,
        movers: observed.movers,
        intents: new Map(observed.intents),
        outstanding: new Map(rest.outstanding),
        recentStarts: observed.recentStarts,
        refusals: observed.refusals,
      };
      const volumes: WorldVolume[] = [];
      for (const fact of facts) {
        const before = volumesBefore[volumes.length];
        const isSame = before?.fact === fact.data && before.observedAtMs === fact.timeMs;
        volumes.push(isSame ? before : readVolume(fact));
        if (volumes.length % STEP === 0) yield;
      }
      volumesBefore = volumes;
      return { ...world, volumes };
    },
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

/** The clock here was compared with that of Prometheus, and shows another time since. */
export function jumpedScores(): ScoreTable {
  return unknownScores('Stale', {
    available: false,
    reason: 'ClockSkew',
    message: 'The clock of the scorer was changed by more than 30 s since Prometheus was asked; it is asked again.',
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
