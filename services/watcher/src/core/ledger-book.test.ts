import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anEndedMove } from '../../test/builders.ts';
import { foldEnd, type EndedMove } from './ledger.ts';
import { LedgerBook } from './ledger-book.ts';
import { emptyLedger, type Checkpoint, type Ledger } from './status.ts';

const STREAM = 'stream-1';
const policyIds = ['p1', 'p2', 'p3'] as const;

/** A status as Kubernetes holds it, a stream, and a watcher that reads it, writes statuses, and dies now and then. */
class Bench {
  readonly persisted = new Map<string, Ledger>();
  readonly #events: readonly EndedMove[];
  #book = new LedgerBook();
  #next = 0;
  counted = 0;

  constructor(events: readonly EndedMove[]) {
    this.#events = events;
    this.restart();
  }

  get isDone(): boolean {
    return this.#next >= this.#events.length;
  }

  restart(): void {
    this.#book = new LedgerBook();
    for (const policyId of policyIds) this.#book.adopt(policyId, this.persisted.get(policyId));
    this.#open();
  }

  /** The connection broke: reading begins anew, while what is in memory stays. */
  reconnect(): void {
    this.#book.rewind();
    this.#open();
  }

  read(): void {
    const event = this.#events[this.#next];
    if (event === undefined) return;
    this.#next += 1;
    if (this.#book.record(event.policyId, position(this.#next), event)) this.counted += 1;
  }

  persist(policyId: string): void {
    this.persisted.set(policyId, this.#book.ledger(policyId));
  }

  ledger(policyId: string): Ledger {
    return this.#book.ledger(policyId);
  }

  #open(): void {
    this.#next = this.#book.startAfter()?.lastSequence ?? 0;
  }
}

const position = (lastSequence: number): Checkpoint => ({ streamCreatedAt: STREAM, lastSequence });

const outcome = fc.constantFrom<EndedMove['outcome']>(
  { kind: 'completed' },
  { kind: 'failed', reason: 'SyncTimeout', message: '' },
  { kind: 'aborted', reason: 'ByPerson', message: '' },
);
const moves = fc
  .array(fc.record({ policyId: fc.constantFrom(...policyIds), outcome, repeats: fc.boolean() }), { maxLength: 90 })
  .map((list) =>
    list.flatMap(({ policyId, outcome: ended, repeats }, index) => {
      const move = anEndedMove(`m${index}`, { policyId, outcome: ended });
      return repeats ? [move, move] : [move];
    }),
  );
type Step = { readonly do: 'read' | 'restart' | 'reconnect' } | { readonly do: 'persist'; readonly policyId: string };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Step>({ do: 'read' }) },
  { weight: 2, arbitrary: fc.constantFrom(...policyIds).map((policyId): Step => ({ do: 'persist', policyId })) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'restart' }, { do: 'reconnect' }) },
);

describe('LedgerBook', () => {
  test('ends with the same ledgers wherever the watcher dies, writes, or reads again', () => {
    fc.assert(
      fc.property(moves, fc.array(step, { maxLength: 300 }), (events, steps) => {
        const bench = new Bench(events);
        for (const each of steps) {
          if (each.do === 'persist') bench.persist(each.policyId);
          else bench[each.do]();
        }
        while (!bench.isDone) bench.read();
        for (const policyId of policyIds) {
          const straight = events.reduce(
            (ledger, event, index) =>
              event.policyId === policyId ? foldEnd(ledger, position(index + 1), event) : ledger,
            emptyLedger,
          );
          const { applied, ...ledger } = bench.ledger(policyId);
          expect(ledger).toEqual({
            totalMigrations: straight.totalMigrations,
            failedMigrations: straight.failedMigrations,
            history: straight.history,
          });
          expect(applied).toEqual(events.length === 0 ? undefined : position(events.length));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('reads on from the checkpoint that is least far, and from the start if one is missing', () => {
    const book = new LedgerBook();
    book.adopt('p1', { ...emptyLedger, applied: position(9) });
    book.adopt('p2', { ...emptyLedger, applied: position(4) });
    expect(book.startAfter()).toEqual(position(4));
    book.adopt('p3', undefined);
    expect(book.startAfter()).toBeUndefined();
  });

  test('asks to read again when a policy appears whose events were passed over', () => {
    const book = new LedgerBook();
    book.adopt('p1', undefined);
    book.record('p2', position(3), anEndedMove('m1', { policyId: 'p2' }));
    book.record('p1', position(4), anEndedMove('m2', { policyId: 'p1' }));
    expect(book.adopt('p2', undefined)).toBe(true);
    expect(book.startAfter()).toBeUndefined();
    book.rewind();
    book.record('p2', position(3), anEndedMove('m1', { policyId: 'p2' }));
    book.record('p1', position(4), anEndedMove('m2', { policyId: 'p1' }));
    expect(book.ledger('p2').totalMigrations).toBe(1);
    expect(book.ledger('p1').totalMigrations).toBe(1);
  });

  test('gives no checkpoint beyond events that were passed over until they are read again', () => {
    const book = new LedgerBook();
    book.record('p2', position(3), anEndedMove('m1', { policyId: 'p2' }));
    expect(book.adopt('p2', undefined)).toBe(true);
    expect(book.ledger('p2').applied).toBeUndefined();
    // What is still on its way from the former reading comes again too.
    expect(book.record('p2', position(4), anEndedMove('m2', { policyId: 'p2' }))).toBe(false);
    book.reached(position(5));
    expect(book.ledger('p2')).toEqual(emptyLedger);
    book.rewind();
    for (const n of [1, 2]) book.record('p2', position(n + 2), anEndedMove(`m${n}`, { policyId: 'p2' }));
    expect(book.ledger('p2')).toMatchObject({ totalMigrations: 2, applied: position(4) });
  });

  test('asks for nothing when a policy appears whose status has counted those events', () => {
    const book = new LedgerBook();
    book.record('p2', position(3), anEndedMove('m1', { policyId: 'p2' }));
    expect(book.adopt('p2', { ...emptyLedger, applied: position(3) })).toBe(false);
  });

  test('asks to read again when the status of a policy that appears has counted only some of what was passed over', () => {
    const book = new LedgerBook();
    book.adopt('p1', undefined);
    for (const n of [3, 5]) book.record('p2', position(n), anEndedMove(`m${n}`, { policyId: 'p2' }));
    expect(book.adopt('p2', { ...emptyLedger, totalMigrations: 1, applied: position(4) })).toBe(true);
    book.rewind();
    for (const n of [3, 5]) book.record('p2', position(n), anEndedMove(`m${n}`, { policyId: 'p2' }));
    expect(book.ledger('p2').totalMigrations).toBe(2);
  });

  test('takes over a status that another leader has brought further', () => {
    const book = new LedgerBook();
    book.adopt('p1', { ...emptyLedger, totalMigrations: 1, applied: position(1) });
    book.adopt('p1', { ...emptyLedger, totalMigrations: 2, applied: position(5) });
    expect(book.ledger('p1').totalMigrations).toBe(2);
    book.adopt('p1', { ...emptyLedger, totalMigrations: 1, applied: position(1) });
    expect(book.ledger('p1').totalMigrations).toBe(2);
  });

  test('counts events that were given the sequences of others, which the stream had lost with its server', () => {
    const stored: Ledger = { ...emptyLedger, totalMigrations: 7, applied: position(100) };
    const book = new LedgerBook();
    book.adopt('p1', stored);
    book.record('p1', position(98), anEndedMove('m1', { policyId: 'p1' }));
    book.reached(position(98));
    expect(book.ledger('p1')).toEqual({ ...stored, applied: position(98) });
    // The watch shows the status again as it was written before.
    book.adopt('p1', stored);
    expect(book.isNew('p1', position(99))).toBe(true);
    expect(book.record('p1', position(99), anEndedMove('m2', { policyId: 'p1' }))).toBe(true);
    book.adopt('p1', stored);
    expect(book.ledger('p1')).toMatchObject({ totalMigrations: 8, applied: position(99) });
  });

  test('treats events of a policy that is gone as new only beyond every checkpoint', () => {
    const book = new LedgerBook();
    book.adopt('p1', { ...emptyLedger, applied: position(5) });
    expect(book.isNew('gone', position(5))).toBe(false);
    expect(book.isNew('gone', position(6))).toBe(true);
    book.record('gone', position(6), undefined);
    book.rewind();
    expect(book.isNew('gone', position(6))).toBe(false);
  });
});
