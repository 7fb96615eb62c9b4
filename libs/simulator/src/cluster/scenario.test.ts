import { describe, expect, test } from 'vitest';
import { generateScenario } from './scenario.ts';

const options = { volumes: 300, seed: 5, highIops: 1_000, lowIops: 100, changeAfterMs: 1_000 };

describe('a generated scenario', () => {
  test('is the same for the same seed and another for another', () => {
    expect(generateScenario(options)).toEqual(generateScenario(options));
    expect(generateScenario({ ...options, seed: 6 })).not.toEqual(generateScenario(options));
  });

  test('puts the replicas of a volume on different nodes, its target beside one of them', () => {
    for (const { placement, publishedOn } of generateScenario(options).volumes) {
      const nodes = placement.map((pool) => pool.replace(/^(nvme|sata)-/, ''));
      expect(new Set(nodes).size).toBe(nodes.length);
      expect(nodes).toContain(publishedOn ?? nodes[0]);
    }
  });

  test('holds a volume of every kind that a mover meets', () => {
    const roles = new Set(generateScenario(options).volumes.map(({ role }) => role));
    for (const role of ['held', 'snapshots', 'tooLarge', 'unpublished', 'mixed', 'hotOnCold', 'coldOnHot', 'between']) {
      expect(roles).toContain(role);
    }
  });

  test('grows its nodes with its volumes', () => {
    expect(generateScenario({ ...options, volumes: 40 }).nodes).toHaveLength(4);
    expect(generateScenario({ ...options, volumes: 1_000 }).nodes).toHaveLength(20);
  });
});
