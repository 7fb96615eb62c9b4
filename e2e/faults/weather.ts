import type { Scenario } from '@couchestor/simulator/cluster';
import type { MayastorModel } from '@couchestor/simulator/mayastor';

/** Changes loads so that there is always something to move. */
export interface Weather {
  /** Gives volumes that are at rest another load, until so many are not. */
  turn(atRest: ReadonlySet<string>): void;
}

const HOT_IOPS = 3_000;
const COLD_IOPS = 20;
const TURNABLE: ReadonlySet<string> = new Set(['hotOnCold', 'coldOnHot', 'hotOnHot', 'coldOnCold']);

export function makeWeather(
  model: MayastorModel,
  scenario: Scenario,
  random: () => number,
  unsettledWanted: number,
): Weather {
  const volumes = scenario.volumes.filter(({ role }) => TURNABLE.has(role)).map(({ id }) => id);
  const turned = new Set<string>();
  return {
    turn: (atRest) => {
      for (const id of volumes) if (!atRest.has(id)) turned.delete(id);
      // A volume counts as at rest until the scorer has noticed its load.
      const calm = volumes.filter((id) => atRest.has(id) && !turned.has(id));
      let unsettled = volumes.length - calm.length;
      while (unsettled < unsettledWanted && calm.length > 0) {
        const [id] = calm.splice(Math.floor(random() * calm.length), 1);
        if (id === undefined) return;
        model.setLoad(id, { kind: 'steady', iops: model.iops(id) > (HOT_IOPS + COLD_IOPS) / 2 ? COLD_IOPS : HOT_IOPS });
        turned.add(id);
        unsettled += 1;
      }
    },
  };
}
