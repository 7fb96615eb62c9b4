import type { JsonAnswer, Routes } from '@couchestor/shared/service';
import type { Observation } from '../tasks/observe.ts';

const PAGE_MAX = 1_000;

const notLeading: JsonAnswer = { status: 503, body: { error: 'this watcher does not lead; ask the other one' } };

/**
 * What the watcher sees, for `kubectl couchestor`: `/v1/volumes` (pages: `limit`, `after`), `/v1/volumes/<uuid>` and
 * `/v1/policies`.
 */
export function addRoutes(routes: Routes, observation: () => Observation | undefined): void {
  routes.get('/v1/volumes', ({ query }) => {
    const world = observation()?.world;
    if (world === undefined) return notLeading;
    const limit = Math.min(PAGE_MAX, Math.max(1, Math.trunc(Number(query.get('limit') ?? PAGE_MAX)) || PAGE_MAX));
    const after = query.get('after') ?? '';
    const ids = firstAfter(world.volumes.ids(), after, limit + 1);
    const page = ids.slice(0, limit).flatMap((volumeId) => volumeBody(world, volumeId) ?? []);
    const last = ids[limit - 1];
    return {
      status: 200,
      body: { volumes: page, ...(ids.length > limit && last !== undefined ? { next: last } : {}) },
    };
  });
  routes.get('/v1/volumes/:id', ({ params }) => {
    const world = observation()?.world;
    if (world === undefined) return notLeading;
    const body = volumeBody(world, params['id'] ?? '');
    return body === undefined
      ? { status: 404, body: { error: 'Mayastor shows no volume of this id' } }
      : { status: 200, body };
  });
  routes.get('/v1/policies', () => {
    const world = observation()?.world;
    if (world === undefined) return notLeading;
    const policies = [...world.policies.all()].map(({ object, parsed }) => ({
      policyId: object.policyId,
      name: object.name,
      generation: object.generation,
      problems: parsed.kind === 'invalid' ? parsed.problems : [],
      ...world.census.counts(object.policyId),
      activeMigrations: world.moves.of(object.policyId),
      overlappedBy: world.census.overlappedBy(object.policyId),
    }));
    return { status: 200, body: { complete: world.isComplete, policies } };
  });
}

/** The first `count` ids in their order that come after the given one. To sort all for each page would stop the rest. */
function firstAfter(ids: Iterable<string>, after: string, count: number): readonly string[] {
  let first: string[] = [];
  let bound: string | undefined;
  for (const id of ids) {
    if (id <= after || (bound !== undefined && id > bound)) continue;
    first.push(id);
    if (first.length < 2 * count) continue;
    first = first.sort().slice(0, count);
    bound = first.at(-1);
  }
  return first.sort().slice(0, count);
}

function volumeBody(world: Observation['world'], volumeId: string): object | undefined {
  const fact = world.volumes.fact(volumeId);
  if (fact.kind !== 'present') return undefined;
  return { ...fact.value, tier: world.census.placement(volumeId), policyId: world.census.policyOf(volumeId) };
}
