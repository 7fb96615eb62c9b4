import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { MigrationEvent } from '@couchestor/shared/bus';
import {
  decodeMessage,
  isTombstone,
  messageNames,
  type DecisionMade,
  type Message,
  type MessageName,
} from '@couchestor/shared/messages';
import { createMessageFormatter } from './format-message.ts';

const samples = new URL('../libs/shared/src/messages/samples/', import.meta.url);

function sample(name: MessageName): Message {
  const bytes = readFileSync(new URL(`${name}.json`, samples));
  const { subject } = JSON.parse(bytes.toString()) as { subject: string };
  const message = decodeMessage(subject, bytes);
  if (isTombstone(message)) throw new Error(`${name} is a tombstone`);
  return message;
}

const event = (name: MessageName): MigrationEvent => sample(name) as MigrationEvent;

const VOLUME = 'pvc-3f9b1a52-6c1d-4a0e-9a3c-0d6f6f5f0a11';

describe('a line', () => {
  it('of a decision says what moves where, why, and by which numbers', () => {
    const decision = sample('decision.made').data as DecisionMade;
    expect(createMessageFormatter().decision(decision, Date.UTC(2026, 5, 1, 8))).toBe(
      `2026-06-01 08:00:00Z  decision move    ${VOLUME}  cold -> hot     AboveHighWatermark; 8241.5 IOPS, ` +
        'coverage 98%, watermarks 500/5000, eligible from 2026-06-01T08:00:00.000Z',
    );
  });

  it('of a decision without a score says why there is none', () => {
    const text = createMessageFormatter().decision(
      {
        volumeId: 'v1',
        volumeName: 'pvc-1',
        tierNow: 'mixed',
        action: 'hold',
        reason: 'ScoreUnknown',
        message: 'no series',
        score: { kind: 'unknown', reason: 'NoSeries' },
      },
      0,
    );
    expect(text).toMatch(
      /^1970-01-01 00:00:00Z {2}decision hold +pvc-1 +mixed -> \? +ScoreUnknown; unknown: NoSeries$/,
    );
  });

  it('of each fact of a move names the volume and, once it was accepted, its tiers', () => {
    const format = createMessageFormatter();
    const order: MessageName[] = [
      'migration.accepted',
      'migration.replica-added',
      'migration.synced',
      'migration.replica-removed',
      'migration.completed',
    ];
    const lines = order.map((name) => format.event(event(name)).slice(22).replace(VOLUME, 'V').replace(/ +/g, ' '));
    expect(lines).toEqual([
      'accepted V cold -> hot 2 replicas to move; 8241.5 IOPS',
      'replica-added V cold -> hot on nvme-1 (node-1)',
      'synced V cold -> hot on nvme-1 (node-1); in 3m3s',
      'replica-removed V cold -> hot on sata-1 (node-1)',
      'completed V cold -> hot 8241.5 IOPS; in 7m1s',
    ]);
  });

  it('of a move that ended otherwise gives the reason', () => {
    const format = createMessageFormatter();
    expect(format.event(event('migration.failed'))).toContain(
      'SyncTimeout; Sync timeout: replica on nvme-1 was not synced within 30m; after 7m1s; retry at 2026-06-01T08:15:00.000Z',
    );
    expect(format.event(event('migration.refused'))).toContain('CoolingDown; its last move ended 3h ago');
    expect(format.event(event('migration.aborted'))).toContain('AbortRequested; a person asked for it; after 7m1s');
    expect(format.event(event('migration.needs-attention'))).toContain('ReplicaUnknown');
  });

  it('is one line for every event that there is', () => {
    const format = createMessageFormatter();
    for (const name of messageNames.filter((name) => name.startsWith('migration.') && name !== 'migration.requested')) {
      const text = format.event(event(name));
      expect(text).toContain(VOLUME);
      expect(text).not.toMatch(/\n|undefined|NaN/);
    }
  });
});
