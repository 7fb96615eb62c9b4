import { DAY_MS, HOUR_MS } from '@couchestor/shared/units';
import { createHistoryBuilder, type History } from './history.ts';
import { randomOf } from './random.ts';

export interface SyntheticFleet {
  readonly volumes: number;
  readonly days: number;
  readonly seed: number;
}

const STEP_MS = HOUR_MS / 2;
const STEPS_PER_DAY = DAY_MS / STEP_MS;
/** A Monday. */
const START_MS = 1_767_571_200_000;

/** What a volume is for; the share of each kind in the fleet. */
const KINDS = [
  { kind: 'busy', share: 0.08 },
  { kind: 'office', share: 0.22 },
  { kind: 'nightly', share: 0.2 },
  { kind: 'bursty', share: 0.2 },
  { kind: 'idle', share: 0.3 },
] as const;
type Kind = (typeof KINDS)[number]['kind'];

/**
 * A fleet that never was: volumes busy around the clock, in office hours from Monday to Friday, in a nightly backup of an
 * hour or two, in bursts of hours that nobody foresees, and hardly ever. On each lies noise, and once in the time one
 * volume in six changes what it is for. The same seed gives the same fleet.
 */
export function syntheticHistory({ volumes, days, seed }: SyntheticFleet): History {
  const builder = createHistoryBuilder({ startMs: START_MS, stepMs: STEP_MS, missing: 'unknown' });
  const steps = days * STEPS_PER_DAY;
  const digits = String(volumes - 1).length;
  for (let index = 0; index < volumes; index += 1) {
    const random = randomOf(seed, index);
    const name = `volume-${String(index).padStart(digits, '0')}`;
    const changesAt = random() < 1 / 6 ? Math.floor(random() * steps) : steps;
    let life = createLife(random);
    for (let step = 0; step < steps; step += 1) {
      if (step === changesAt) life = createLife(random);
      builder.add(name, step, Math.round((life(step) * STEP_MS) / 1_000));
    }
  }
  return builder.build();
}

/** The IOPS of a volume in each step, which are to be asked one after the other. */
function createLife(random: () => number): (step: number) => number {
  const kind = kindOf(random());
  // Sizes are spread over two decades, as those of real disks are.
  const peak = 200 * 100 ** random();
  const quiet = peak * 0.02 * random();
  const hour = Math.floor(random() * 24) * 2;
  const length = 1 + Math.floor(random() * 4);
  let burstLeft = 0;
  const level = (step: number): number => {
    const ofDay = step % STEPS_PER_DAY;
    const ofWeek = Math.floor(step / STEPS_PER_DAY) % 7;
    switch (kind) {
      case 'busy':
        return peak * (0.7 + 0.3 * Math.sin((2 * Math.PI * ofDay) / STEPS_PER_DAY));
      case 'office':
        return ofWeek < 5 && ofDay >= 16 && ofDay < 36 ? peak : quiet;
      case 'nightly':
        return (ofDay - hour + STEPS_PER_DAY) % STEPS_PER_DAY < length ? peak : quiet;
      case 'bursty':
        if (burstLeft > 0) burstLeft -= 1;
        else if (random() < 1 / 200) burstLeft = 1 + Math.floor(random() * 24);
        return burstLeft > 0 ? peak : quiet;
      case 'idle':
        return quiet / 10;
    }
  };
  return (step) => level(step) * noise(random);
}

function kindOf(chance: number): Kind {
  let rest = chance;
  for (const { kind, share } of KINDS) {
    if (rest < share) return kind;
    rest -= share;
  }
  return 'idle';
}

/** Around 1, and now and then a multiple of it: IOPS have a long tail. */
function noise(random: () => number): number {
  const spread = 0.5 + random();
  return random() < 0.01 ? spread * (2 + 6 * random()) : spread;
}
