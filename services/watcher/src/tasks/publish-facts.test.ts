import { createVirtualClock } from '@couchestor/shared/clock';
import type { NodeObserved } from '@couchestor/shared/messages';
import { describe, expect, onTestFinished, test } from 'vitest';
import { noMeasures } from '../../test/builders.ts';
import type { Sighting } from '../core/sightings.ts';
import { FactPublisher } from './publish-facts.ts';

const node = (name: string): NodeObserved => ({
  name,
  status: 'Online',
  labels: {},
  cordonLabels: [],
  draining: false,
});

function start(factOf: (id: string) => Sighting<NodeObserved>) {
  const clock = createVirtualClock();
  const stopping = new AbortController();
  const sent: string[] = [];
  const lines: string[] = [];
  const refused = new Set<string>();
  const line = (_fields: object, message: string): unknown => lines.push(message);
  const publisher = new FactPublisher<'node.observed'>({
    name: 'node.observed',
    clock,
    factOf,
    measures: noMeasures,
    log: { debug: line, info: line, warn: line, error: line },
    sink: {
      set: async (id) => {
        if (refused.has(id)) throw new Error('no room');
        sent.push(`set ${id}`);
        return 'published';
      },
      delete: async (id) => {
        sent.push(`delete ${id}`);
        return 'published';
      },
      ids: function* () {},
    },
  });
  const running = publisher.run(stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  onTestFinished(async () => {
    stopping.abort(new Error('enough'));
    await running;
  });
  return { clock, publisher, sent, lines, refused };
}

describe('FactPublisher', () => {
  test('sets what is there, deletes what is gone, and leaves alone what is unproven', async () => {
    const kinds: Record<string, Sighting<NodeObserved>> = {
      there: { kind: 'present', value: node('there') },
      gone: { kind: 'absent' },
      unproven: { kind: 'unproven' },
    };
    const { clock, publisher, sent } = start((id) => kinds[id] ?? { kind: 'unproven' });
    for (const id of Object.keys(kinds)) publisher.mark(id);
    await clock.advance(0);
    expect(sent).toEqual(['set there', 'delete gone']);
  });

  test('publishes what was marked often once, and more than one batch of ids', async () => {
    const { clock, publisher, sent } = start((id) => ({ kind: 'present', value: node(id) }));
    for (let round = 0; round < 3; round += 1) for (let n = 0; n < 120; n += 1) publisher.mark(`n${n}`);
    for (let turns = 0; turns < 5; turns += 1) await clock.advance(0);
    expect(sent).toHaveLength(120);
  });

  test('tries again later what NATS has refused, and says so once', async () => {
    const { clock, publisher, sent, lines, refused } = start((id) => ({ kind: 'present', value: node(id) }));
    refused.add('b');
    for (const id of ['a', 'b', 'c']) publisher.mark(id);
    await clock.advance(61_000);
    expect(sent).toEqual(['set a', 'set c']);
    expect(lines).toEqual(['a fact cannot be published']);
    refused.clear();
    await clock.advance(30_000);
    expect(sent).toEqual(['set a', 'set c', 'set b']);
  });

  test('refuses an id that cannot be part of a subject without losing the others', async () => {
    const { clock, publisher, sent } = start((id) => ({ kind: 'present', value: node(id) }));
    for (const id of ['a.b', 'c']) publisher.mark(id);
    await clock.advance(0);
    expect(sent).toEqual(['set c']);
  });
});
