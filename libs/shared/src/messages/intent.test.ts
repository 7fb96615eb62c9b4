import { describe, expect, it } from 'vitest';
import { readSample } from './asyncapi.ts';
import { cordonLabelOf, heartbeatSchema, intentSchema, isOurCordonLabel } from './intent.ts';

const problems = (value: unknown): string[] => {
  const result = intentSchema.safeParse(value);
  return result.success ? [] : result.error.issues.map(({ path }) => path.join('.'));
};
const active = readSample('intent.active') as Record<string, unknown>;
const ended = readSample('intent.ended') as Record<string, unknown>;

describe('an intent', () => {
  it.each(['intent.active', 'intent.ended'])('%s is read as it was first written', (name) => {
    expect(intentSchema.parse(readSample(name))).toEqual(readSample(name));
  });

  it('is refused by the names of the fields that are wrong', () => {
    const { targetPools: _pools, ...withoutPools } = active;
    expect(problems(withoutPools)).toEqual(['targetPools']);
    expect(problems({ ...active, targetPools: [] })).toEqual(['targetPools']);
    expect(problems({ ...active, replicaCount: -1 })).toEqual(['replicaCount']);
    expect(problems({ ...active, rollback: { outcome: 'failed', reason: 'Bored', message: '' } })).toEqual([
      'rollback.reason',
    ]);
    expect(problems({ ...ended, outcome: 'refused' })).toEqual(['outcome']);
    expect(problems({ ...ended, state: 'resting' })).toEqual(['state']);
  });

  it('remembers a bounded number of ids and events', () => {
    expect(problems({ ...active, seenIds: Array.from({ length: 17 }, String) })).toEqual(['seenIds']);
    const [entry] = active['outbox'] as unknown[];
    expect(problems({ ...active, outbox: Array.from({ length: 9 }, () => entry) })).toEqual(['outbox']);
  });
});

describe('the heartbeat', () => {
  it('is read as it was first written, and refused without its answer', () => {
    const heartbeat = readSample('heartbeat') as Record<string, unknown>;
    expect(heartbeatSchema.parse(heartbeat)).toEqual(heartbeat);
    const { paused: _answer, ...silent } = heartbeat;
    expect(heartbeatSchema.safeParse(silent).success).toBe(false);
  });
});

describe('the label of a cordon', () => {
  it('names the migration and can be told from the labels of others', () => {
    expect(cordonLabelOf('m1')).toBe('couchestor-m1');
    expect(isOurCordonLabel(cordonLabelOf('m1'))).toBe(true);
    expect(isOurCordonLabel('maintenance')).toBe(false);
  });
});
