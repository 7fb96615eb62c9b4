import type { ActiveIntent } from '@couchestor/shared/messages';
import { requestOutOfTurn } from './out-of-turn.ts';
import type { Hands } from './rare-deeds.ts';
import { oneOf, upTo, type Random } from './world/random.ts';
import { DRAIN, type World } from './world/world.ts';

/** What worlds with an emphasis do to moves in flight, on purpose and often. */
export function createAimedDeeds(
  world: World,
  { persist, until }: Hands,
): { readonly [name: string]: (random: Random) => void } {
  const { bus, model, profile, truth, clock } = world;
  const aMove = (random: Random): ActiveIntent | undefined =>
    oneOf(
      random,
      [...bus.intents.values()].flatMap(({ intent }) => (intent.state === 'active' ? [intent] : [])),
    );
  return {
    'a scorer that is behind asks for a move of what moves': (random) => {
      const intent = aMove(random);
      if (intent !== undefined) requestOutOfTurn(world, random, intent.volumeId);
    },
    'Prometheus sees half of the volumes no more': (random) => {
      const volumes = new Set(profile.volumes.flatMap(({ id }) => (random() < 0.5 ? [id] : [])));
      if (truth.unseen !== undefined) return;
      truth.unseen = { volumes, sinceMs: clock.monotonicMs() };
      until(random, () => {
        truth.unseen = undefined;
      });
    },
    'engines take seconds': (random) => {
      // Longer than Mayastor answers, and not so long that it gives them up.
      const slowMs = 5_500 + upTo(random, 8_000);
      until(
        random,
        model.faults.onEngineCall(() => slowMs),
      );
    },
    'the node that a move fills goes down': (random) => {
      const node = aMove(random)?.round?.targetNode;
      if (node === undefined || !profile.nodes.includes(node)) return;
      model.faults.nodeDown(node, { graceful: random() < 0.5 });
      until(random, () => model.faults.nodeUp(node));
    },
    'the target of a move goes elsewhere': (random) => {
      const intent = aMove(random);
      const volume = intent === undefined ? undefined : model.volume(intent.volumeId);
      const node = volume?.target?.node;
      // A drained node that holds a replica would be reason enough to wait.
      if (node === undefined || volume?.replicas.some((replica) => replica.node === node) === true) return;
      persist('PUT', `/nodes/${node}/drain/${DRAIN}`, undefined, () =>
        truth.drainedSinceMs.set(node, clock.monotonicMs()),
      );
      until(random, () => {
        truth.drainedSinceMs.delete(node);
        persist('DELETE', `/nodes/${node}/cordon/${DRAIN}`);
      });
    },
  };
}
