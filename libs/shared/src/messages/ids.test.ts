import { describe, expect, it } from 'vitest';
import { migrationIdOf, nodeToken, proposalIdOf, uuidV5, type Proposal } from './ids.ts';

const proposal: Proposal = {
  volumeId: 'v1',
  policyId: 'p1',
  policyGeneration: 3,
  replicaIds: ['r1', 'r2'],
  fromTier: 'cold',
  toTier: 'hot',
};

describe('ids from content', () => {
  it('are version 5 UUIDs as others compute them', () => {
    // The example of RFC 9562, appendix A.4.
    expect(uuidV5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')).toBe(
      '2ed6657d-e927-568b-95e1-2665a8aea6a2',
    );
  });

  it('stay what they are, since people approve them and streams remember them', () => {
    const proposalId = proposalIdOf(proposal);
    expect(proposalId).toBe('55493c0259254341c461558ee1cb32fa');
    expect(migrationIdOf(proposalId, 1)).toBe('b44e28ee-8313-5376-a1c4-80948ee6315b');
  });

  it('do not depend on the order of replicas', () => {
    expect(proposalIdOf({ ...proposal, replicaIds: ['r2', 'r1'] })).toBe(proposalIdOf(proposal));
  });

  it('differ in everything that a person approves', () => {
    const others: Partial<Proposal>[] = [
      { volumeId: 'v2' },
      { policyId: 'p2' },
      { policyGeneration: 4 },
      { replicaIds: ['r1', 'r3'] },
      { fromTier: 'mixed' },
      { toTier: 'warm' },
    ];
    const ids = [proposal, ...others.map((other) => ({ ...proposal, ...other }))].map(proposalIdOf);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('differ for each try of the same move', () => {
    expect(migrationIdOf('p', 1)).not.toBe(migrationIdOf('p', 2));
    expect(migrationIdOf('p', 1)).toBe(migrationIdOf('p', 1));
  });

  it('stand for node names, whatever is in those', () => {
    expect(nodeToken('node-1.example.com')).toMatch(/^[0-9a-f]{32}$/);
    expect(nodeToken('node-1.example.com')).not.toBe(nodeToken('node-2.example.com'));
  });
});
