import type { StorageNode } from './entities.ts';
import { failures } from './errors.ts';
import { now, type EngineCallKind, type World } from './world.ts';

/** The core died while an operation was waiting; whatever the operation had left to do is not done. */
export class CoreGone extends Error {
  constructor() {
    super('the core has died');
  }
}

/** The engine of a node gave no answer, a refusal, or an answer that came too late. */
export class EngineFailure extends Error {
  readonly node: string;
  readonly late: boolean;

  constructor(node: string, late: boolean) {
    super(`the engine on ${node} ${late ? 'did not answer in time' : 'cannot be reached'}`);
    this.node = node;
    this.late = late;
  }
}

/**
 * One call of the core to an engine. The effect happens on the engine when the engine gets to it, whether or not the
 * core still waits for it.
 */
export async function callEngine(
  world: World,
  call: EngineCallKind,
  node: StorageNode,
  effect: () => void,
): Promise<void> {
  const life = world.core.life;
  const { engineTimeoutMs, engineCallMs } = world.timers;
  const delayMs = world.engineDelay(call, node) ?? engineCallMs;
  if (!node.up) throw new EngineFailure(node.id, false);
  if (node.hung || delayMs > engineTimeoutMs) {
    if (!node.hung && Number.isFinite(delayMs)) world.clock.after(delayMs, () => void (node.up && effect()));
    await pause(world, engineTimeoutMs);
    alive(world, life);
    throw new EngineFailure(node.id, true);
  }
  if (delayMs > 0) {
    await new Promise<void>((resolve) => {
      world.clock.after(delayMs, () => {
        if (node.up && !node.hung) effect();
        resolve();
      });
    });
    alive(world, life);
    if (!node.up || node.hung) throw new EngineFailure(node.id, false);
    return;
  }
  effect();
}

/** Writes a record to the store; `Store` when the store hangs. Nothing has been done then. */
export async function persist(world: World, givenUpAfterMs = world.timers.storeTimeoutMs): Promise<void> {
  if (!world.storeStuck) return;
  const life = world.core.life;
  const deadlineMs = now(world) + givenUpAfterMs;
  while (world.storeStuck && now(world) < deadlineMs) {
    await pause(world, Math.min(100, deadlineMs - now(world)));
    alive(world, life);
  }
  if (world.storeStuck) throw failures.storeTimeout();
}

export function pause(world: World, ms: number): Promise<void> {
  return new Promise((resolve) => {
    world.clock.after(ms, resolve);
  });
}

/** Throws if the core has died since life `life`. */
export function alive(world: World, life: number): void {
  if (world.core.life !== life) throw new CoreGone();
}
