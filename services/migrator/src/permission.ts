import type { Clock } from '@couchestor/shared/clock';
import { heartbeatSeen, mayAct, mayLift, noPermit, senderNowMs, type SeenHeartbeat } from './core/permit.ts';
import type { Permission } from './ports.ts';

export interface PermissionKeeper extends Permission {
  onHeartbeat(heartbeat: SeenHeartbeat, isFirst: boolean): void;
  /** The leader took its heartbeat away. */
  onCleared(): void;
}

export function createPermission(clock: Clock): PermissionKeeper {
  let state = noPermit;
  let cleared = false;
  let waiting: (() => void)[] = [];
  const notify = (): void => {
    const wake = waiting;
    waiting = [];
    for (const run of wake) run();
  };
  return {
    mayAct: (leadMs) => !cleared && mayAct(state, leadMs, clock.monotonicMs()),
    mayLift: (leadMs) => mayLift(state, leadMs, clock.monotonicMs()),
    watcherNowMs: () => senderNowMs(state, clock.monotonicMs()),
    onHeartbeat: (heartbeat, isFirst) => {
      const before = state;
      state = heartbeatSeen(state, heartbeat, isFirst, clock.monotonicMs());
      const wasCleared = cleared;
      if (!isFirst) cleared = false;
      // Each heartbeat prolongs the permit; only what changes the answer wakes those who wait for it.
      if (before.paused !== state.paused || wasCleared !== cleared || before.seenAtMonotonicMs === undefined) notify();
    },
    onCleared: () => {
      cleared = true;
      notify();
    },
    changed: (signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const done = (): void => {
          signal.removeEventListener('abort', done);
          waiting = waiting.filter((other) => other !== done);
          resolve();
        };
        waiting.push(done);
        signal.addEventListener('abort', done, { once: true });
      }),
  };
}
