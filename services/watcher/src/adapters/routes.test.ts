import { randomUUID } from 'node:crypto';
import { createRouteTable } from '@couchestor/shared/service';
import { expect, test } from 'vitest';
import { aVolume } from '../../test/builders.ts';
import { World } from '../core/world.ts';
import type { Observation } from '../tasks/observe.ts';
import { addRoutes } from './routes.ts';

interface Page {
  readonly volumes: readonly { readonly volumeId: string }[];
  readonly next?: string;
}

test.each([1, 7, 40, 100, 1_000])('all volumes are in pages of %i, each once and in order', async (limit) => {
  const nothing = (): void => undefined;
  const world = new World({
    policyFact: nothing,
    volumeFact: nothing,
    rebuild: nothing,
    poolFact: nothing,
    nodeFact: nothing,
    clusterFact: nothing,
    policyStatus: nothing,
    work: nothing,
  });
  const ids = Array.from({ length: 100 }, () => randomUUID());
  for (const id of ids) world.setVolume({ reading: aVolume(id, ['p']) });
  const table = createRouteTable();
  addRoutes(table, () => ({ world }) as Observation);
  const handler = table.find('/v1/volumes')?.handler;
  const seen: string[] = [];
  for (let after: string | undefined = ''; after !== undefined;) {
    const query = new URLSearchParams({ limit: String(limit), after });
    const page = (await handler?.({ params: {}, query }))?.body as Page;
    expect(page.volumes.length).toBeLessThanOrEqual(limit);
    seen.push(...page.volumes.map(({ volumeId }) => volumeId));
    after = page.next;
  }
  expect(seen).toEqual(ids.toSorted());
});
