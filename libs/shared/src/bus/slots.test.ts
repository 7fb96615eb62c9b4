import { describe, expect, it } from 'vitest';
import { createSlots } from './slots.ts';

describe('slots', () => {
  it('are given to no more than there are, and in turn', async () => {
    const slots = createSlots(2);
    const order: string[] = [];
    const take = async (name: string): Promise<void> => {
      await slots.take();
      order.push(name);
    };
    await take('a');
    await take('b');
    const waiting = [take('c'), take('d')];
    expect(slots.free).toBe(0);
    slots.release();
    await waiting[0];
    expect(order).toEqual(['a', 'b', 'c']);
    slots.release();
    await waiting[1];
    expect(order).toEqual(['a', 'b', 'c', 'd']);
    slots.release();
    slots.release();
    expect(slots.free).toBe(2);
  });

  it('are announced as available only when nobody waits for them', async () => {
    const slots = createSlots(1);
    await slots.available();
    await slots.take();
    let available = false;
    const watching = slots.available().then(() => (available = true));
    const second = slots.take();
    slots.release();
    await second;
    expect(available).toBe(false);
    slots.release();
    await watching;
    expect(slots.free).toBe(1);
  });

  it('serve a long queue to its end', async () => {
    const slots = createSlots(3);
    let done = 0;
    await Promise.all(
      Array.from({ length: 5_000 }, async () => {
        await slots.take();
        done += 1;
        slots.release();
      }),
    );
    expect([done, slots.free]).toEqual([5_000, 3]);
  });
});
