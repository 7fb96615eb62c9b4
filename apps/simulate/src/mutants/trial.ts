import type { AimedWorldName } from '../aimed/index.ts';

/** Something that a changed service or core is put into, to see whether anybody says that something is wrong. */
export type Trial =
  /** A simulated world by its seed. */
  | { readonly kind: 'seed'; readonly seed: number }
  /** One that was made by hand. */
  | { readonly kind: 'aimed'; readonly world: AimedWorldName }
  /** The protocol's core alone: every state of small worlds, without trouble and with some; long ways through wide ones. */
  | { readonly kind: 'smallWorlds'; readonly which: 'calm' | 'troubled' }
  | { readonly kind: 'walks' };

export const seedTrial = (seed: number): Trial => ({ kind: 'seed', seed });

/** What people call it, and the same for the same trial. */
export function trialName(trial: Trial): string {
  switch (trial.kind) {
    case 'seed':
      return `seed ${trial.seed}`;
    case 'aimed':
      return `world "${trial.world}"`;
    case 'smallWorlds':
      return trial.which === 'calm' ? 'small worlds' : 'small worlds with trouble';
    case 'walks':
      return 'walks';
  }
}
