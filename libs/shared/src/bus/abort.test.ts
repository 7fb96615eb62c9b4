import { describe, expect, it } from 'vitest';
import { eitherSignal, untilAborted } from './abort.ts';

describe('untilAborted', () => {
  const never = new Promise<void>(() => undefined);

  it('settles as the promise does', async () => {
    const { signal } = new AbortController();
    expect(await untilAborted(Promise.resolve(1), signal)).toBe(1);
    await expect(untilAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
  });

  it('rejects with the reason of the first of its signals', async () => {
    const one = new AbortController();
    const two = new AbortController();
    const waiting = untilAborted(never, one.signal, two.signal);
    two.abort(new Error('second'));
    one.abort(new Error('first'));
    await expect(waiting).rejects.toThrow('second');
    await expect(untilAborted(never, one.signal)).rejects.toThrow('first');
  });

  it('leaves no unhandled rejection behind when it did not wait', async () => {
    const rejected = Promise.reject(new Error('late'));
    await expect(untilAborted(rejected, AbortSignal.abort(new Error('already')))).rejects.toThrow('already');
  });
});

describe('eitherSignal', () => {
  it('is aborted by both and needs only one', () => {
    const one = new AbortController();
    const two = new AbortController();
    expect(eitherSignal(one.signal, undefined)).toBe(one.signal);
    const both = eitherSignal(one.signal, two.signal);
    expect(both.aborted).toBe(false);
    two.abort();
    expect(both.aborted).toBe(true);
  });

  it('is the same for the same two, and another for others', () => {
    const one = new AbortController();
    const [two, three] = [new AbortController(), new AbortController()];
    const both = eitherSignal(one.signal, two.signal);
    expect(eitherSignal(one.signal, two.signal)).toBe(both);
    const others = eitherSignal(one.signal, three.signal);
    three.abort();
    expect(others.aborted).toBe(true);
    expect(both.aborted).toBe(false);
  });
});
