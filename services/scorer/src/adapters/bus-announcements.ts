import type { Bus, FactWriter } from '@couchestor/shared/bus';
import { subjectToken, type DecisionMade, type PolicyEvaluated, type StateName } from '@couchestor/shared/messages';
import { parseTimestampMs } from '@couchestor/shared/units';
import type { Announcements } from '../ports.ts';

type Decided = 'decision.made' | 'policy.evaluated';

/** Publishes over the bus, knowing what the stream holds, so that a restarted scorer repeats nothing. */
export function createAnnouncements(bus: Bus, nowMs: () => number): Announcements {
  const decided = createChangeWriter(bus, 'decision.made', decisionKey);
  const evaluated = createChangeWriter(bus, 'policy.evaluated', evaluationKey);
  return {
    forget: async () => {
      await Promise.all([decided.forget(), evaluated.forget()]);
    },
    decisions: (decisions, traceparentOf, signal) =>
      decided.write(
        decisions.map((data) => ({ id: data.volumeId, data, traceparent: () => traceparentOf(data.volumeId) })),
        signal,
      ),
    evaluations: (evaluations, signal) =>
      evaluated.write(
        evaluations.map((data) => ({ id: data.policyId, data, traceparent: () => undefined })),
        signal,
      ),
    request: async (request, traceparent, signal) => {
      const leftMs = parseTimestampMs(request.notAfter) - nowMs();
      if (leftMs <= 0) return;
      const expired = AbortSignal.timeout(leftMs);
      await bus
        .publish('migration.requested', subjectToken(request.volumeId), request, {
          messageId: request.migrationId,
          traceparent,
          signal: AbortSignal.any([signal, expired]),
        })
        .catch((error: unknown) => {
          if (!expired.aborted || signal.aborted) throw error;
        });
    },
  };
}

/**
 * What makes a decision another one. The score, the numbers compared and the sentence change all the time; they are
 * asked of the scorer itself.
 */
function decisionKey(decision: DecisionMade): string {
  const { volumeName, policyId, tierNow, tierWanted, action, reason, nextEligibleAt, proposalId } = decision;
  return JSON.stringify([volumeName, policyId, tierNow, tierWanted, action, reason, nextEligibleAt, proposalId]);
}

const evaluationKey = (evaluation: PolicyEvaluated): string => JSON.stringify(evaluation, sortedKeys);

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

interface Entry<T> {
  readonly id: string;
  readonly data: T;
  /** Asked for what is published, which is little of what is decided. */
  readonly traceparent: () => string | undefined;
}

interface ChangeWriter<T> {
  /** Publishes the entries that changed and takes back what is not among them. Reads what is published at its first call. */
  write(entries: readonly Entry<T>[], signal: AbortSignal): Promise<void>;
  /** The next call reads it again. */
  forget(): Promise<void>;
}

type DataOf<N extends Decided> = N extends 'decision.made' ? DecisionMade : PolicyEvaluated;

function createChangeWriter<N extends Decided & StateName>(
  bus: Bus,
  name: N,
  keyOf: (data: DataOf<N>) => string,
): ChangeWriter<DataOf<N>> {
  let opened: { readonly keys: Map<string, string>; readonly writer: FactWriter<N> } | undefined;
  const open = async (signal: AbortSignal): Promise<NonNullable<typeof opened>> => {
    const keys = await publishedKeys(bus, name, keyOf, signal);
    return { keys, writer: await bus.openFactWriter(name, { signal, onLost: () => keys.clear() }) };
  };
  return {
    forget: async () => {
      await opened?.writer[Symbol.asyncDispose]();
      opened = undefined;
    },
    write: async (entries, signal) => {
      opened ??= await open(signal);
      const { keys, writer } = opened;
      const present = new Set(entries.map(({ id }) => id));
      const gone = [...writer.ids()].filter((id) => !present.has(id));
      const changed = entries
        .map((entry) => ({ ...entry, key: keyOf(entry.data) }))
        .filter(({ id, key }) => keys.get(id) !== key);
      await Promise.all([
        ...changed.map(async ({ id, data, key, traceparent: traceparentOf }) => {
          const traceparent = traceparentOf();
          await writer.set(subjectToken(id), data as never, {
            signal,
            ...(traceparent === undefined ? {} : { traceparent }),
          });
          keys.set(id, key);
        }),
        ...gone.map(async (id) => {
          await writer.delete(id, { signal });
          keys.delete(id);
        }),
      ]);
    },
  };
}

/** Reads the stream once for the keys of what it holds, and keeps only those. */
async function publishedKeys<N extends Decided & StateName>(
  bus: Bus,
  name: N,
  keyOf: (data: DataOf<N>) => string,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const reading = new AbortController();
  const tables = await bus.openFacts([name], { signal: AbortSignal.any([signal, reading.signal]) });
  try {
    await tables.whenSynced();
    return new Map([...tables.of(name)].map(([id, { data }]) => [id, keyOf(data as DataOf<N>)]));
  } finally {
    reading.abort(new Error('what was published is known'));
  }
}
