import { createVirtualClock } from '@couchestor/shared/clock';
import { describe, expect, onTestFinished, test } from 'vitest';
import { anEvaluation, aPolicySpec, NOW_MS, noMeasures } from '../../test/builders.ts';
import { LedgerBook } from '../core/ledger-book.ts';
import type { PolicyObject } from '../core/objects.ts';
import type { PolicyStatus } from '../core/status.ts';
import { World } from '../core/world.ts';
import type { WriteOutcome } from '../ports.ts';
import { StatusKeeper } from './keep-status.ts';

const DEBOUNCE_MS = 250;
const policy: PolicyObject = {
  policyId: 'policy-a-uid',
  name: 'policy-a',
  resourceVersion: '1',
  generation: 1,
  createdAt: '2026-10-01T12:00:00Z',
  createdAtMs: NOW_MS,
  spec: aPolicySpec(),
  status: undefined,
};

function start() {
  const clock = createVirtualClock(NOW_MS);
  const stopping = new AbortController();
  const writes: PolicyStatus[] = [];
  const nothing = (): void => undefined;
  let outcome: WriteOutcome | Error = { kind: 'written', resourceVersion: '2' };
  const world = new World({
    policyFact: nothing,
    volumeFact: nothing,
    rebuild: nothing,
    poolFact: nothing,
    nodeFact: nothing,
    clusterFact: nothing,
    policyStatus: (policyId) => keeper.note(policyId),
    work: nothing,
  });
  const keeper = new StatusKeeper({
    world,
    book: new LedgerBook(),
    kubernetes: {
      writeStatus: async (_policy, status) => {
        writes.push(status);
        if (outcome instanceof Error) throw outcome;
        return outcome;
      },
      annotate: async () => ({ kind: 'gone' }),
      announce: async () => ({ kind: 'gone' }),
    },
    clock,
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    measures: noMeasures,
    debounceMs: DEBOUNCE_MS,
    writesPerSecond: 1_000,
  });
  const running = keeper.run(stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  const stop = async (): Promise<void> => {
    stopping.abort(new Error('enough'));
    await running;
  };
  onTestFinished(stop);
  return {
    clock,
    world,
    keeper,
    writes,
    stop,
    answer: (next: WriteOutcome | Error) => {
      outcome = next;
    },
  };
}

describe('StatusKeeper', () => {
  test('remembers what the scorer said of a policy that the watch has yet to show', async () => {
    const { clock, world, keeper, writes } = start();
    await clock.advance(DEBOUNCE_MS);
    keeper.setEvaluated(policy.policyId, anEvaluation());
    await clock.advance(DEBOUNCE_MS);
    world.setPolicy(policy, undefined);
    await clock.advance(DEBOUNCE_MS);
    expect(writes.map(({ phase }) => phase)).toEqual(['Active']);
  });

  test('has one retry for a policy, however much news of it comes while its status is refused', async () => {
    const { clock, world, keeper, writes, answer } = start();
    answer({ kind: 'refused', problem: 'not like this' });
    await clock.advance(DEBOUNCE_MS);
    world.setPolicy(policy, undefined);
    for (let news = 0; news < 10; news += 1) {
      keeper.note(policy.policyId);
      await clock.advance(2_000);
    }
    const before = writes.length;
    await clock.advance(120_000);
    expect(writes.length - before).toBe(2);
  });

  test('leaves no timer behind', async () => {
    const { clock, world, stop, answer } = start();
    answer(new Error('the API server is away'));
    await clock.advance(DEBOUNCE_MS);
    world.setPolicy(policy, undefined);
    await clock.advance(5_000);
    await stop();
    expect(clock.pending()).toBe(0);
  });
});
