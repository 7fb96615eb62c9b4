import { expect, test } from 'vitest';
import { createCallSlots } from './call-slots.ts';
import type { CallKind } from './mayastor-client.ts';

/** Takes slots in this order and notes who got one. */
function crowd(count: number, kinds: readonly CallKind[]) {
  const slots = createCallSlots(count);
  const got: CallKind[] = [];
  const ends: (() => void)[] = [];
  for (const kind of kinds) {
    void slots.take(kind).then((end) => {
      got.push(kind);
      ends.push(end);
    });
  }
  return { slots, got, ends, settle: () => new Promise((resolve) => setImmediate(resolve)) };
}

test('reads leave two slots to others, changes one, removals of cordons none', async () => {
  const { got, settle } = crowd(4, ['read', 'read', 'read', 'write', 'write', 'release', 'release']);
  await settle();
  expect(got).toEqual(['read', 'read', 'write', 'release']);
});

test('a slot that comes free goes to the most urgent, and is free once', async () => {
  const { got, ends, settle } = crowd(1, ['read', 'read', 'write', 'release']);
  await settle();
  expect(got).toEqual(['read']);
  ends[0]?.();
  ends[0]?.();
  await settle();
  expect(got).toEqual(['read', 'release']);
});

test('who gives up waits no more, and takes no slot', async () => {
  const { slots, ends, settle } = crowd(1, ['read']);
  await settle();
  const given = new AbortController();
  const abandoned = slots.take('write', given.signal);
  const kept = slots.take('write');
  given.abort(new Error('stopped'));
  (await abandoned)();
  (await slots.take('read', AbortSignal.abort(new Error('before'))))();
  const order: string[] = [];
  void kept.then(() => order.push('kept'));
  await settle();
  order.push('end');
  ends[0]?.();
  await kept;
  expect(order).toEqual(['end', 'kept']);
});
