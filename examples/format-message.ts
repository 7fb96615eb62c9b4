import type { MigrationEvent } from '@couchestor/shared/bus';
import type { DecisionMade } from '@couchestor/shared/messages';
import { formatDuration } from '@couchestor/shared/units';

/** One line per message: when, what, which volume, from where to where, why, and the numbers. */
export interface MessageFormatter {
  decision(decision: DecisionMade, timeMs: number): string;
  event(event: MigrationEvent): string;
}

/** Moves whose tiers are remembered, since only their first and last events tell them. */
const MOVES_MAX = 10_000;

export function createMessageFormatter(): MessageFormatter {
  const tiersOf = new Map<string, string>();

  return {
    decision: (decision, timeMs) =>
      line(
        timeMs,
        decision.action === 'move' ? 'decision move' : 'decision hold',
        decision.volumeName,
        arrow(decision.tierNow, decision.tierWanted),
        [decision.reason, numbersOf(decision)],
      ),
    event: (event) => {
      const { data, name } = event;
      if ('toTier' in data) {
        tiersOf.delete(data.migrationId);
        if (name === 'migration.accepted') {
          const [oldest] = tiersOf.keys();
          if (tiersOf.size >= MOVES_MAX && oldest !== undefined) tiersOf.delete(oldest);
          tiersOf.set(data.migrationId, arrow(data.fromTier, data.toTier));
        }
      }
      const tiers = 'toTier' in data ? arrow(data.fromTier, data.toTier) : (tiersOf.get(data.migrationId) ?? '');
      return line(Date.parse(event.time), name.slice(name.indexOf('.') + 1), data.volumeName, tiers, detailsOf(event));
    },
  };
}

function detailsOf(event: MigrationEvent): readonly string[] {
  switch (event.name) {
    case 'migration.accepted': {
      const { replicasToMove, triggerIops } = event.data;
      return [`${replicasToMove} ${replicasToMove === 1 ? 'replica' : 'replicas'} to move`, iops(triggerIops)];
    }
    case 'migration.refused':
    case 'migration.needs-attention':
      return [event.data.reason, event.data.message];
    case 'migration.replica-added':
    case 'migration.replica-removed':
      return [`on ${event.data.pool} (${event.data.node})`];
    case 'migration.synced':
      return [`on ${event.data.pool} (${event.data.node})`, `in ${formatDuration(event.data.durationMs)}`];
    case 'migration.completed':
      return [iops(event.data.triggerIops), `in ${formatDuration(event.data.durationMs)}`];
    case 'migration.failed': {
      const { reason, message, durationMs, retryAt } = event.data;
      return [
        reason,
        message,
        `after ${formatDuration(durationMs)}`,
        retryAt === undefined ? '' : `retry at ${retryAt}`,
      ];
    }
    case 'migration.aborted':
      return [event.data.reason, event.data.message, `after ${formatDuration(event.data.durationMs)}`];
  }
}

function numbersOf({ score, comparedWith, nextEligibleAt }: DecisionMade): string {
  const parts = [
    score.kind === 'value'
      ? `${iops(score.iops)}, coverage ${Math.round(score.coverage * 100)}%`
      : `unknown: ${score.reason}`,
  ];
  if (comparedWith !== undefined) {
    const { highIops, lowIops, warmIops } = comparedWith;
    parts.push(`watermarks ${[lowIops, warmIops, highIops].filter((mark) => mark !== undefined).join('/')}`);
  }
  if (nextEligibleAt !== undefined) parts.push(`eligible from ${nextEligibleAt}`);
  return parts.join(', ');
}

function iops(value: number | undefined): string {
  return value === undefined ? '' : `${Math.round(value * 10) / 10} IOPS`;
}

function arrow(from: string, to: string | undefined): string {
  return `${from} -> ${to ?? '?'}`;
}

function line(timeMs: number, what: string, volume: string, tiers: string, details: readonly string[]): string {
  const time = new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ');
  const rest = details.filter((detail) => detail !== '').join('; ');
  return `${time}Z  ${what.padEnd(15)}  ${volume.padEnd(40)}  ${tiers.padEnd(14)}  ${rest}`.trimEnd();
}
