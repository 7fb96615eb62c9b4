import type { ClusterObserved, MoverObserved } from '@couchestor/shared/messages';
import type { Brake, Hold } from './decision.ts';
import type { ValidPolicy } from './world.ts';

export interface PolicyCounts {
  readonly volumes: number;
  readonly publishedVolumes: number;
  /** Published volumes without a score. */
  readonly unknownVolumes: number;
}

export interface Stop {
  readonly brake: Brake;
  readonly hold: Hold;
}

/** What stops every move in the cluster. */
export function clusterStops(cluster: ClusterObserved | undefined, movers: readonly MoverObserved[]): readonly Stop[] {
  const stops: Stop[] = [];
  const stop = (brake: Brake, hold: Hold): void => {
    stops.push({ brake, hold });
  };
  // A mover that has not found out yet, or none at all, takes up nothing; only one that knows better speaks against it.
  const able = movers.some(({ method }) => method === 'poolCordon' || method === 'nodeCordon');
  if (!able && movers.some(({ method }) => method === 'none')) {
    const message = 'This Mayastor can neither fence nor steer a move with the settings of the migrator.';
    stop('UnsupportedMayastor', { reason: 'UnsupportedMayastor', message });
  }
  if (cluster === undefined) {
    stop('Paused', { reason: 'Paused', message: 'It is not known yet whether everything is paused.' });
  } else if (cluster.paused) {
    const why = cluster.pauseReason === undefined ? '' : `: ${cluster.pauseReason}`;
    stop('Paused', { reason: 'Paused', message: `Everything is paused${why}.` });
  }
  const versions = cluster?.mayastorVersions ?? [];
  if (versions.length > 1) {
    const message = `The nodes run Mayastor ${versions.join(' and ')}; nothing moves during an upgrade.`;
    stop('ClusterUpgrading', { reason: 'ClusterUpgrading', message });
  }
  return stops;
}

/** What stops every move of a policy, beside its window and its limits. */
export function policyStops({ spec, scores }: ValidPolicy, counts: PolicyCounts): readonly Stop[] {
  const stops: Stop[] = [];
  if (scores.metrics.reason === 'ClockSkew') {
    stops.push({ brake: 'ClockSkew', hold: { reason: 'BrakeFleet', message: scores.metrics.message } });
  }
  const { publishedVolumes, unknownVolumes } = counts;
  const { maxUnknownPercent } = spec.metrics;
  if (unknownVolumes * 100 > maxUnknownPercent * publishedVolumes) {
    const message = `${unknownVolumes} of ${publishedVolumes} published volumes of the policy have no score, more than metrics.maxUnknownPercent of ${maxUnknownPercent} allows.`;
    stops.push({ brake: 'TooManyUnknown', hold: { reason: 'TooManyUnknown', message } });
  }
  return stops;
}
