/** A volume that may change its tier. */
interface Free {
  readonly isHot: boolean;
  readonly up: number;
  readonly down: number;
}

interface Watermarks {
  readonly highWatermarkIops: number;
  readonly lowWatermarkIops: number;
}

/**
 * Where the watermarks come to lie if the hot tier has so many places for these volumes: one after the other leaves or
 * comes until nothing is to be gained, then whole numbers are looked for that tell those from the others.
 */
export function referenceWatermarks(volumes: readonly Free[], places: number, floor: number): Watermarks {
  const loads = (isHot: boolean): number[] =>
    volumes
      .filter((volume) => volume.isHot === isHot)
      .map(({ up, down }) => (isHot ? Math.ceil(down) : Math.floor(up)))
      .filter((load) => load > floor);
  // Who is at the floor or below it leaves in any case, and never comes.
  const [inside, outside] = [loads(true), loads(false)];
  const [staying, away] = [[...inside], [...outside]];
  const [leaving, coming]: [number[], number[]] = [[], []];
  const leaves = (): void => void leaving.push(takeOut(staying, Math.min(...staying)));
  const comes = (): void => void coming.push(takeOut(away, Math.max(...away)));
  while (staying.length > Math.max(0, places)) leaves();
  while (staying.length + coming.length < places && away.length > 0) comes();
  const isWorthIt = (): boolean =>
    places > 0 && staying.length > 0 && away.length > 0 && Math.max(...away) >= 1.25 * Math.min(...staying);
  while (isWorthIt()) {
    leaves();
    comes();
  }

  // All who leave are at or below the low watermark, or fewer, where one that stays has as little as one that leaves.
  const leastStaying = Math.min(...staying);
  const speaksFor = leaving.length > 0 ? Math.max(...leaving) : Math.floor(Math.max(0, ...away) / 1.25);
  const low = Math.max(floor, Math.min(speaksFor, leastStaying - 1));
  // So more may have stayed than were to, and then as many fewer come: the busiest.
  const kept = inside.filter((load) => load > low);
  const admitted = outside.sort((a, b) => b - a).slice(0, Math.min(coming.length, Math.max(0, places - kept.length)));
  const [busiestAway = 0] = outside.slice(admitted.length);
  const aboveAway = outside.length > admitted.length ? busiestAway + 1 : 0;
  const asked = admitted.length > 0 ? Math.min(...admitted) : priceOf(kept);
  return { lowWatermarkIops: low, highWatermarkIops: Math.max(low + 1, asked, aboveAway) };
}

/** What somebody outside would need to take the place of the weakest inside. */
function priceOf(kept: readonly number[]): number {
  return kept.length === 0 ? 0 : Math.ceil(1.25 * Math.min(...kept));
}

function takeOut(loads: number[], load: number): number {
  loads.splice(loads.indexOf(load), 1);
  return load;
}
