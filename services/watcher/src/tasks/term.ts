import type { Clock } from '@couchestor/shared/clock';
import { LedgerBook } from '../core/ledger-book.ts';
import type {
  ControlSource,
  KubernetesSink,
  KubernetesSource,
  Log,
  MayastorSource,
  Measures,
  MessageSource,
  PermitSink,
  VolumeViewSink,
} from '../ports.ts';
import { TierAnnotator } from './annotate-tiers.ts';
import { EventFolder } from './fold-events.ts';
import { keepPermit } from './keep-permit.ts';
import { StatusKeeper } from './keep-status.ts';
import { VolumeViewKeeper } from './keep-volume-views.ts';
import { Observation } from './observe.ts';
import { runTogether } from './together.ts';

export interface TermOptions {
  readonly identity: string;
  readonly kubernetes: KubernetesSource;
  readonly kubernetesSink: KubernetesSink;
  /** Undefined where people are shown no MayastorVolumes. */
  readonly volumeViews: VolumeViewSink | undefined;
  readonly control: ControlSource;
  readonly mayastor: MayastorSource;
  readonly messages: MessageSource;
  readonly permit: PermitSink;
  readonly clock: Clock;
  readonly log: Log;
  readonly measures: Measures;
  readonly mayastorPeriodMs: number;
  readonly statusDebounceMs: number;
  readonly kubernetesWritesPerSecond: number;
  /** The process is to end, which migrators should learn at once; losing the lease is no reason for that. */
  readonly isStopping: () => boolean;
  /** Told what is seen, for whoever asks; undefined when the term is over. */
  readonly onObservation: (observation: Observation | undefined) => void;
}

/** Everything that the leading watcher does, until the signal. The permit comes first: without it nothing moves. */
export async function runTerm(options: TermOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, measures, kubernetes, kubernetesSink, control, permit, identity } = options;
  const book = new LedgerBook();
  const observation = new Observation({
    kubernetes,
    mayastor: options.mayastor,
    clock,
    log,
    measures,
    mayastorPeriodMs: options.mayastorPeriodMs,
    onPolicyStatus: (policyId) => keeper.note(policyId),
    onVolume: (volumeId) => {
      annotator.note(volumeId);
      views?.note(volumeId);
    },
    onRebuild: (volumeId) => views?.note(volumeId),
    onCounted: () => {
      keeper.note();
      annotator.wake();
      views?.wake();
    },
  });
  const { world } = observation;
  const writesPerSecond = options.kubernetesWritesPerSecond;
  const common = { world, kubernetes: kubernetesSink, clock, log, measures };
  const keeper = new StatusKeeper({ ...common, book, debounceMs: options.statusDebounceMs, writesPerSecond });
  const annotator = new TierAnnotator({ ...common, writesPerSecond });
  const views =
    options.volumeViews === undefined
      ? undefined
      : new VolumeViewKeeper({
          world,
          sink: options.volumeViews,
          messages: options.messages,
          clock,
          log,
          measures,
          writesPerSecond,
        });
  const folder = new EventFolder({
    ...common,
    observation,
    book,
    messages: options.messages,
    onFolded: (policyId) => keeper.note(policyId),
  });

  options.onObservation(observation);
  measures.leading(true);
  try {
    await runTogether(signal, [
      (ending) =>
        keepPermit(
          {
            leader: identity,
            control,
            permit,
            clock,
            log,
            measures,
            onControl: (read) => world.setControl(read),
            mayClear: options.isStopping,
          },
          ending,
        ),
      async (ending) => {
        await using stack = new AsyncDisposableStack();
        stack.use(await observation.load(ending));
        stack.defer(kubernetes.policies.onChange((policy) => policy !== undefined && folder.adopt(policy)));
        for (const policy of kubernetes.policies.objects()) folder.adopt(policy);
        await options.messages.watchEvaluations(
          (policyId, evaluated) => keeper.setEvaluated(policyId, evaluated),
          ending,
        );
        await options.messages.watchIntents((volumeId, intent) => observation.setIntent(volumeId, intent), ending);
        const sinks = stack.use(await options.messages.openSinks(() => observation.markAll(), ending));
        log.info({ volumes: world.volumes.size }, 'leading');
        await runTogether(ending, [
          (inner) => observation.run(sinks, inner),
          (inner) => folder.run(inner),
          (inner) => keeper.run(inner),
          (inner) => annotator.run(inner),
          ...(views === undefined ? [] : [(inner: AbortSignal) => views.run(inner)]),
        ]);
      },
    ]);
  } finally {
    measures.leading(false);
    options.onObservation(undefined);
  }
}
