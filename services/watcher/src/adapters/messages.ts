import type { Bus, Fact, FactWriter, RecordedEvent } from '@couchestor/shared/bus';
import type { StateName } from '@couchestor/shared/messages';
import { parseTimestampMs } from '@couchestor/shared/units';
import type { EndedMove } from '../core/ledger.ts';
import type { MigrationEvent, MigrationStep } from '../core/migration-event.ts';
import type { LastDecision } from '../core/volume-view.ts';
import type { FactSinks, MessageSource } from '../ports.ts';

export function createMessageSource(bus: Bus): MessageSource {
  return {
    openSinks: async (onLost, signal) => {
      await using stack = new AsyncDisposableStack();
      const open = async <N extends StateName>(name: N): Promise<FactWriter<N>> =>
        stack.use(await bus.openFactWriter(name, { signal, onLost }));
      const sinks = {
        policies: await open('policy.observed'),
        volumes: await open('volume.observed'),
        pools: await open('pool.observed'),
        nodes: await open('node.observed'),
        cluster: await open('cluster.observed'),
      };
      const lifetime = stack.move();
      return { ...sinks, [Symbol.asyncDispose]: () => lifetime.disposeAsync() } satisfies FactSinks;
    },
    watchEvaluations: async (onChange, signal) => {
      const tables = await bus.openFacts(['policy.evaluated'], { signal });
      tables.onChange('policy.evaluated', (policyId, next) => onChange(policyId, next?.data));
      for (const [policyId, fact] of tables.of('policy.evaluated')) onChange(policyId, fact.data);
      await tables.whenSynced();
    },
    watchDecisions: (onChange, signal) =>
      bus.followFacts(
        'decision.made',
        (volumeId, fact) => onChange(volumeId, fact === undefined ? undefined : readDecision(fact)),
        { signal },
      ),
    watchIntents: async (onChange, signal) => {
      const watch = bus.intents.watchAll({
        signal,
        onChange: (volumeId, stored) => onChange(volumeId, stored?.intent),
      });
      await watch.synced;
    },
    readEvents: (after, { onEvent, onCaughtUp }, signal) =>
      bus.readEvents({
        afterSequence: after?.lastSequence ?? 0,
        ...(after === undefined ? {} : { streamCreatedAt: after.streamCreatedAt }),
        signal,
        onEvent: (event) => onEvent(readMigrationEvent(event)),
        onCaughtUp: ({ streamCreatedAt, sequence }) => onCaughtUp({ streamCreatedAt, lastSequence: sequence }),
      }),
  };
}

function readDecision({ timeMs, data }: Fact<'decision.made'>): LastDecision {
  const { action, reason, tierWanted, score } = data;
  return { atMs: timeMs, action, reason, tierWanted, score };
}

export function readMigrationEvent({ message, sequence, streamCreatedAt }: RecordedEvent): MigrationEvent {
  const { migrationId, volumeId, volumeName, policyId, policyName } = message.data;
  return {
    position: { streamCreatedAt, lastSequence: sequence },
    atMs: parseTimestampMs(message.time),
    traceparent: message.traceparent,
    migrationId,
    volumeId,
    volumeName,
    policyId,
    policyName,
    step: stepOf(message),
  };
}

function stepOf(message: RecordedEvent['message']): MigrationStep {
  switch (message.name) {
    case 'migration.accepted': {
      const { fromTier, toTier, triggerIops } = message.data;
      return { kind: 'accepted', fromTier, toTier, triggerIops };
    }
    case 'migration.refused':
      return { kind: 'refused', reason: message.data.reason, message: message.data.message };
    case 'migration.replica-added':
      return { kind: 'progressed', what: 'replica-added', pool: message.data.pool, node: message.data.node };
    case 'migration.synced':
      return { kind: 'progressed', what: 'synced', pool: message.data.pool, node: message.data.node };
    case 'migration.replica-removed':
      return { kind: 'progressed', what: 'replica-removed', pool: message.data.pool, node: message.data.node };
    case 'migration.completed':
      return { kind: 'ended', move: moveOf(message.data, { kind: 'completed' }) };
    case 'migration.failed': {
      const { reason, message: text } = message.data;
      return { kind: 'ended', move: moveOf(message.data, { kind: 'failed', reason, message: text }) };
    }
    case 'migration.aborted': {
      const { reason, message: text } = message.data;
      return { kind: 'ended', move: moveOf(message.data, { kind: 'aborted', reason, message: text }) };
    }
    case 'migration.needs-attention':
      return { kind: 'needs-attention', reason: message.data.reason, message: message.data.message };
  }
}

type EndedData = Extract<
  RecordedEvent['message'],
  { name: 'migration.completed' | 'migration.failed' | 'migration.aborted' }
>['data'];

/** The end is told by start and duration, which a repeat of the event says again; its own time would be another. */
function moveOf(data: EndedData, outcome: EndedMove['outcome']): EndedMove {
  const { migrationId, volumeId, volumeName, policyId, policyName, fromTier, toTier, triggerIops } = data;
  const { startedAt, durationMs } = data;
  return {
    migrationId,
    volumeId,
    volumeName,
    policyId,
    policyName,
    fromTier,
    toTier,
    triggerIops,
    endedAtMs: parseTimestampMs(startedAt) + durationMs,
    durationMs,
    outcome,
  };
}
