import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { experiments } from './conformance/experiments.ts';
import { replay } from './conformance/replay.ts';

/**
 * The model, told to be 2.7.1, is asked what a real control plane was asked, at the same times, and must give the same
 * answers: status, error kind and message, shape of bodies, placement, victim, and what the cache shows while a rebuild
 * runs. What is drawn by lot (identifiers, one of several equals) is taken from the recording; what was done from outside
 * and what is not compared, with the reason, is in `conformance/experiments.ts`.
 */
describe("the model against the recorded exchanges of Mayastor's control plane", () => {
  const totals = { exchanges: 0, sights: 0, excluded: 0 };
  afterAll(() => {
    console.info(
      `compared ${String(totals.exchanges)} exchanges and ${String(totals.sights)} views, ` +
        `${String(totals.excluded)} excluded`,
    );
  });

  it('covers every recorded experiment', () => {
    const folder = new URL('../../fixtures/mayastor-traces/', import.meta.url);
    const recorded = readdirSync(folder).filter((name) => name.startsWith('E') && name.endsWith('.jsonl'));
    const replayed = experiments.map((experiment) => `${experiment.name}.jsonl`);
    expect(replayed.toSorted()).toEqual(recorded.toSorted());
  });

  it('replays the origin of every distinct refusal that was recorded', () => {
    const text = readFileSync(new URL('../../fixtures/mayastor-traces/errors.jsonl', import.meta.url), 'utf8');
    const names = new Set(experiments.map((experiment) => experiment.name));
    const origins = [...text.matchAll(/"seen_in": "(\w+)"/g)].map(([, name]) => name ?? '');
    expect(origins.length).toBeGreaterThan(50);
    expect(origins.filter((name) => !names.has(name))).toEqual([]);
  });

  it.each(experiments.map((experiment) => [experiment.name, experiment] as const))(
    'answers as in %s',
    async (_name, experiment) => {
      const outcome = await replay(experiment);
      totals.exchanges += outcome.exchanges;
      totals.sights += outcome.sights;
      totals.excluded += outcome.excluded;
      expect(outcome.mismatches).toEqual([]);
    },
  );
});
