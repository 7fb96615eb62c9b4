import type { Bus, FactWriter } from '@couchestor/shared/bus';
import type { Breathe, Clock } from '@couchestor/shared/clock';
import { subjectToken, type MessageData, type PolicyEvaluated, type StateName } from '@couchestor/shared/messages';
import { parseTimestampMs } from '@couchestor/shared/units';
import type { Decision } from '../core/decision.ts';
import type { Announcements } from '../ports.ts';
import { toDecisionMade } from '../present-decision.ts';
import { isNamedAfter } from '../volume-names.ts';

/** So many that change are published at a time; what comes back of them is taken up at once. */
const BATCH = 50;
/** So many that may not have changed are looked at in one step. */
const STEP = 64;

/** Publishes over the bus, knowing what the stream holds, so that a restarted scorer repeats nothing. */
export function createAnnouncements(bus: Bus, clock: Clock, breathe: Breathe): Announcements {
  const decided = createChangeWriter(bus, 'decision.made', breathe);
  const evaluated = createChangeWriter(bus, 'policy.evaluated', breathe);
  return {
    forget: async () => {
      await Promise.all([decided.forget(), evaluated.forget()]);
    },
    decisions: (decisions, traceparentOf, signal) =>
      decided.write(
        decisions,
        {
          idOf: ({ volumeId }) => volumeId,
          identityOf: decisionIdentity,
          dataOf: toDecisionMade,
          traceparentOf: ({ volumeId }) => traceparentOf(volumeId),
        },
        signal,
      ),
    evaluations: (evaluations, signal) =>
      evaluated.write(
        evaluations,
        {
          idOf: ({ policyId }) => policyId,
          identityOf: evaluationIdentity,
          dataOf: (evaluation) => evaluation,
          traceparentOf: () => undefined,
        },
        signal,
      ),
    request: async (request, traceparent, signal) => {
      const leftMs = parseTimestampMs(request.notAfter) - clock.nowMs();
      if (leftMs <= 0) return;
      const expiring = new AbortController();
      const expired = expiring.signal;
      const cancel = clock.after(leftMs, () => expiring.abort(new Error('the request has expired')));
      await bus
        .publish('migration.requested', subjectToken(request.volumeId), request, {
          messageId: request.migrationId,
          traceparent,
          signal: AbortSignal.any([signal, expired]),
        })
        .catch((error: unknown) => {
          if (!expired.aborted || signal.aborted) throw error;
        })
        .finally(cancel);
    },
  };
}

/**
 * What makes a decision another one. The score, the numbers compared and the sentence change all the time; they are
 * asked of the scorer itself. A name that follows from the volume's id is left out, so that most identities are equal.
 */
export function decisionIdentity(decision: Decision): string {
  const { volumeId, volumeName, policy, tierNow, tierWanted, action, reason, nextEligibleAtMs, proposalId } = decision;
  return JSON.stringify([
    isNamedAfter(volumeName, volumeId) ? undefined : volumeName,
    policy?.policyId,
    tierNow,
    tierWanted,
    action,
    reason,
    nextEligibleAtMs,
    proposalId,
  ]);
}

export const evaluationIdentity = (evaluation: PolicyEvaluated): string => JSON.stringify(evaluation, sortedKeys);

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

interface Reading<T, D> {
  readonly idOf: (item: T) => string;
  readonly identityOf: (item: T) => string;
  /** These are asked of what is published, which is little of what is decided. */
  readonly dataOf: (item: T) => D;
  readonly traceparentOf: (item: T) => string | undefined;
}

interface ChangeWriter<D> {
  /** Publishes what changed and takes back what is not among it. Reads what is published at its first call. */
  write<T>(items: readonly T[], reading: Reading<T, D>, signal: AbortSignal): Promise<void>;
  /** The next call reads it again. */
  forget(): Promise<void>;
}

function createChangeWriter<N extends 'decision.made' | ('policy.evaluated' & StateName)>(
  bus: Bus,
  name: N,
  breathe: Breathe,
): ChangeWriter<MessageData<N>> {
  let writer: FactWriter<N> | undefined;
  return {
    forget: async () => {
      await writer?.[Symbol.asyncDispose]();
      writer = undefined;
    },
    write: async (items, { idOf, identityOf, dataOf, traceparentOf }, signal) => {
      writer ??= await bus.openFactWriter(name, { signal });
      const open = writer;
      let writes: Promise<void>[] = [];
      const failures: unknown[] = [];
      const settle = async (): Promise<void> => {
        await Promise.all(writes);
        writes = [];
        if (failures.length > 0) throw failures[0];
      };
      const within = async (write: Promise<unknown>): Promise<void> => {
        writes.push(
          write.then(
            () => undefined,
            (error: unknown) => void failures.push(error),
          ),
        );
        if (writes.length >= BATCH) await settle();
      };
      let looked = 0;
      for (const item of items) {
        if (looked++ % STEP === 0) await breathe();
        const id = subjectToken(idOf(item));
        const identity = identityOf(item);
        if (open.holds(id, identity)) continue;
        const traceparent = traceparentOf(item);
        const options = { identity, signal, ...(traceparent === undefined ? {} : { traceparent }) };
        await within(open.set(id, dataOf(item) as never, options));
        // What is published is checked and written out at once.
        await breathe();
      }
      await settle();
      // Each of the items is held now. Where no more is held, there is nothing to take back.
      let held = 0;
      const ids = open.ids();
      while (ids.next().done !== true) {
        held += 1;
        if (held % STEP === 0) await breathe();
      }
      if (held === items.length) return;
      const present = new Set<string>();
      for (const item of items) {
        if (looked++ % STEP === 0) await breathe();
        present.add(subjectToken(idOf(item)));
      }
      for (const id of open.ids()) {
        if (looked++ % STEP === 0) await breathe();
        if (!present.has(id)) await within(open.delete(id, { signal }));
      }
      await settle();
    },
  };
}
