import type { Clock } from '@couchestor/shared/clock';
import { ANNOUNCEMENT_AGE_MAX_MS, moveAnnouncements, type Regarding } from '../core/announcement.ts';
import { failureText, type EndedMove } from '../core/ledger.ts';
import type { LedgerBook } from '../core/ledger-book.ts';
import type { MigrationEvent } from '../core/migration-event.ts';
import type { PolicyObject } from '../core/objects.ts';
import type { World } from '../core/world.ts';
import type { KubernetesSink, Log, Measures, MessageSource, OwnAnnotations } from '../ports.ts';
import type { Observation } from './observe.ts';

export interface EventFolderOptions {
  readonly world: World;
  readonly observation: Pick<Observation, 'placementNow' | 'refresh'>;
  readonly book: LedgerBook;
  readonly messages: MessageSource;
  readonly kubernetes: KubernetesSink;
  readonly clock: Clock;
  readonly log: Log;
  readonly measures: Measures;
  readonly onFolded: (policyId: string) => void;
}

/** For the answer of Mayastor on where a volume is after its move; the next pass tells it too. */
const PLACEMENT_TIMEOUT_MS = 3_000;

/**
 * Reads the events of moves. What follows from one (annotations, Kubernetes Events, a log line) is done before it is
 * folded into the ledger, and the ledger is written with its checkpoint: so after a crash it is done again, never left out.
 */
export class EventFolder {
  readonly #options: EventFolderOptions;
  #restart = new AbortController();

  constructor(options: EventFolderOptions) {
    this.#options = options;
  }

  /** Takes over the ledger of a policy's status, if it is further than ours. */
  adopt({ policyId, status }: PolicyObject): void {
    if (this.#options.book.adopt(policyId, status))
      this.#restart.abort(new Error('events of a policy were passed over'));
  }

  async run(signal: AbortSignal): Promise<void> {
    const { book, messages } = this.#options;
    for (;;) {
      this.#restart = new AbortController();
      book.rewind();
      const reading = AbortSignal.any([signal, this.#restart.signal]);
      try {
        await messages.readEvents(
          book.startAfter(),
          {
            onEvent: (event) => this.#fold(event, signal),
            onCaughtUp: (position) => book.reached(position),
          },
          reading,
        );
      } catch (error) {
        if (!reading.aborted) throw error;
      }
      signal.throwIfAborted();
    }
  }

  async #fold(event: MigrationEvent, signal: AbortSignal): Promise<void> {
    const { book, onFolded } = this.#options;
    const { policyId, position, step } = event;
    if (book.isNew(policyId, position)) {
      await this.#act(event, signal);
      this.#tell(event);
    }
    if (book.record(policyId, position, step.kind === 'ended' ? step.move : undefined)) onFolded(policyId);
  }

  async #act(event: MigrationEvent, signal: AbortSignal): Promise<void> {
    const { step, volumeId } = event;
    if (step.kind === 'ended' && step.move.outcome.kind === 'completed') await this.#annotate(step.move, signal);
    else if (step.kind !== 'refused') this.#options.observation.refresh(volumeId);
    await this.#announce(event, signal);
  }

  async #annotate(move: EndedMove, signal: AbortSignal): Promise<void> {
    const { world, kubernetes, log, measures } = this.#options;
    const placement = await this.#placement(move.volumeId, signal);
    const persistentVolume = world.volumes.persistentVolume(move.volumeId);
    if (persistentVolume === undefined) return;
    const before = Date.parse(persistentVolume.view.lastMigration ?? '');
    const changes: OwnAnnotations = {
      ...(before >= move.endedAtMs ? {} : { lastMigrationMs: move.endedAtMs }),
      ...(placement === undefined || placement === persistentVolume.currentTier ? {} : { currentTier: placement }),
    };
    if (Object.keys(changes).length === 0) return;
    const outcome = await kubernetes.annotate(persistentVolume, changes, signal);
    measures.kubernetesWritten('annotation', outcome.kind);
    if (outcome.kind === 'refused') {
      log.error({ volume: move.volumeName, problem: outcome.problem }, 'the API server does not take our annotations');
    }
  }

  async #placement(volumeId: string, signal: AbortSignal): Promise<string | undefined> {
    const { observation, clock, log } = this.#options;
    const timeout = new AbortController();
    const cancel = clock.after(PLACEMENT_TIMEOUT_MS, () => timeout.abort(new Error('Mayastor took too long')));
    try {
      return await observation.placementNow(volumeId, AbortSignal.any([signal, timeout.signal]));
    } catch (error) {
      if (signal.aborted) throw error;
      log.debug({ volumeId, err: error }, 'placement not known yet, the next pass shows it');
      return undefined;
    } finally {
      cancel();
    }
  }

  async #announce(event: MigrationEvent, signal: AbortSignal): Promise<void> {
    const { kubernetes, clock, log, measures } = this.#options;
    if (clock.nowMs() - event.atMs > ANNOUNCEMENT_AGE_MAX_MS) return;
    for (const announcement of moveAnnouncements(event, this.#regarding(event))) {
      const outcome = await kubernetes.announce(announcement, signal);
      measures.kubernetesWritten('event', outcome.kind);
      if (outcome.kind === 'refused') {
        log.error({ volume: event.volumeName, problem: outcome.problem }, 'the API server does not take an Event');
      }
    }
  }

  #regarding({ volumeId, policyId }: MigrationEvent): Regarding[] {
    const { world } = this.#options;
    const volume = world.volumes.persistentVolume(volumeId)?.view;
    const policy = world.policies.get(policyId)?.object;
    return [
      ...(volume === undefined ? [] : [{ kind: 'PersistentVolume' as const, name: volume.name, uid: volume.uid }]),
      ...(policy === undefined ? [] : [{ kind: 'StoragePolicy' as const, name: policy.name, uid: policyId }]),
    ];
  }

  #tell({ step, volumeName: volume, volumeId, migrationId, policyName: policy, traceparent }: MigrationEvent): void {
    const { log } = this.#options;
    const fields = { volume, volumeId, migrationId, policy, ...(traceparent === undefined ? {} : { traceparent }) };
    switch (step.kind) {
      case 'accepted': {
        const { fromTier: from, toTier: to, triggerIops } = step;
        log.info({ ...fields, from, to, triggerIops }, 'migration started');
        break;
      }
      case 'refused':
        log.debug({ ...fields, reason: step.reason, problem: step.message }, 'migration refused');
        break;
      case 'progressed':
        log.debug({ ...fields, pool: step.pool, node: step.node, step: step.what }, 'migration progressed');
        break;
      case 'needs-attention':
        log.warn({ ...fields, reason: step.reason, problem: step.message }, 'migration needs attention');
        break;
      case 'ended':
        this.#tellEnd(step.move, fields);
        break;
    }
  }

  #tellEnd({ outcome, fromTier: from, toTier: to, durationMs }: EndedMove, move: object): void {
    const { log, measures } = this.#options;
    const fields = { ...move, from, to, durationMs };
    switch (outcome.kind) {
      case 'completed':
        measures.moveEnded('success');
        log.info(fields, 'migration completed');
        break;
      case 'failed':
        measures.moveEnded('failed');
        log.warn(
          { ...fields, reason: outcome.reason, cause: failureText(outcome.reason, outcome.message) },
          'Migration failed',
        );
        break;
      case 'aborted':
        measures.moveEnded('aborted');
        log.info({ ...fields, reason: outcome.reason, cause: outcome.message }, 'migration aborted');
        break;
    }
  }
}
