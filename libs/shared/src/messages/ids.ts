import { hash } from 'node:crypto';
import type { Placement, Tier } from '../policy/index.ts';
import { subjectToken, type SubjectToken } from './subjects.ts';

/** Namespace of our version 5 UUIDs: itself the UUIDv5 of `couchestor.billyronks.io` in the DNS namespace. */
const NAMESPACE = uuidV5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'couchestor.billyronks.io');

export interface Proposal {
  readonly volumeId: string;
  readonly policyId: string;
  readonly policyGeneration: number;
  readonly replicaIds: readonly string[];
  readonly fromTier: Placement;
  readonly toTier: Tier;
  /** Where a person is asked: the time for which this id is shown, counted in spans of `approval.expiresAfter`. */
  readonly period?: number;
}

/**
 * What a person approves: this volume, with these replicas, under this version of the policy, from here to there. The
 * score is not part of it, so that the id stays the same while the reason to move does.
 */
export function proposalIdOf(proposal: Proposal): string {
  const parts = [
    proposal.volumeId,
    proposal.policyId,
    String(proposal.policyGeneration),
    ...[...proposal.replicaIds].sort(),
    proposal.fromTier,
    proposal.toTier,
    ...(proposal.period === undefined ? [] : [String(proposal.period)]),
  ];
  return hash('sha256', parts.join('\n')).slice(0, 32);
}

/** Derived from content, so that whoever proposes the same try of the same move proposes the same id. */
export function migrationIdOf(proposalId: string, attempt: number): string {
  return uuidV5(NAMESPACE, `${proposalId}/${attempt}`);
}

/** Node names may hold dots, which subjects may not: their hash stands for them. */
export function nodeToken(nodeName: string): SubjectToken {
  return subjectToken(hash('sha256', nodeName).slice(0, 32));
}

/** RFC 9562, version 5 (SHA-1, name based). */
export function uuidV5(namespace: string, name: string): string {
  const named = Buffer.concat([Buffer.from(namespace.replaceAll('-', ''), 'hex'), Buffer.from(name)]);
  const bytes = hash('sha1', named, 'buffer');
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
