import { alive, pause } from './engine-calls.ts';
import type { Volume } from './entities.ts';
import { failures } from './errors.ts';
import type { World } from './world.ts';

const retryMs = 203;
const retries = 4;

/**
 * Runs one operation on a volume alone. A second one waits, five looks in 0.8 s, and is then refused as a conflict: this
 * is what makes an impossible change of the count a probe for being idle.
 */
export async function withVolume<T>(
  world: World,
  id: string,
  name: string,
  run: (volume: Volume) => Promise<T>,
): Promise<T> {
  const life = world.core.life;
  for (let attempt = 0; ; attempt += 1) {
    const volume = world.volumes.get(id);
    if (volume === undefined) throw failures.volumeNotFound(id);
    if (volume.operation === undefined) return hold(world, volume, name, () => run(volume));
    if (attempt === retries) throw failures.conflict();
    await pause(world, retryMs);
    alive(world, life);
  }
}

/** Holds a volume that nobody holds. */
export async function hold<T>(world: World, volume: Volume, name: string, run: () => Promise<T>): Promise<T> {
  const operation = { name, coreLife: world.core.life };
  volume.operation = operation;
  try {
    return await run();
  } finally {
    if (volume.operation === operation) volume.operation = undefined;
    world.wake(volume);
  }
}
