import { versionAtLeast } from '@couchestor/shared/mayastor';
import { cordonLabelOf, isOurCordonLabel } from '@couchestor/shared/messages';
import type { MayastorNode, MayastorPool, Move, Mover } from '../answers.ts';
import type { MayastorView } from '../mayastor.ts';
import type { Answer } from '../services.ts';
import type { Finding } from './finding.ts';

const NAMES_MAX = 10;

/** What the doctor makes of Mayastor's own answers, beside the moves that are in flight. */
export function diagnoseMayastor(
  view: Answer<MayastorView>,
  moves: Answer<readonly Move[]>,
  movers: Answer<readonly Mover[]>,
): Finding[] {
  return [...diagnoseView(view, moves), ...(movers.kind === 'answered' ? diagnoseMethod(movers.value) : [])];
}

/** What migrators found out by asking, which counts for more than a version. */
function diagnoseMethod(movers: readonly Mover[]): Finding[] {
  const topic = 'mayastor';
  return [...new Set(movers.map(({ method }) => method))].map((method): Finding => {
    const who = someOf(movers.filter((mover) => mover.method === method).map(({ instance }) => instance));
    switch (method) {
      case 'poolCordon':
        return { level: 'ok', topic, message: `cordons of pools and nodes work, as ${who} found` };
      case 'nodeCordon':
        return { level: 'ok', topic, message: `whole nodes are cordoned, as the setting of ${who} allows` };
      case 'none':
        return {
          level: 'error',
          topic,
          message: `${who} found no way to fence and steer a move: nothing moves`,
          remedy:
            'Upgrade to 2.10 or later; on 2.7 to 2.9 set MAYASTOR_NODE_FENCE=true where each tier has nodes of its own',
        };
      default:
        return {
          level: 'warning',
          topic,
          message: `${who} did not find out yet how a move can be fenced and steered`,
          remedy: 'It does so once it reaches Mayastor and nothing is paused',
        };
    }
  });
}

function diagnoseView(view: Answer<MayastorView>, moves: Answer<readonly Move[]>): Finding[] {
  if (view.kind !== 'answered') {
    return [
      {
        level: 'warning',
        topic: 'mayastor',
        message: `was not asked for versions and cordons: ${view.kind === 'unreachable' ? view.problem : 'no answer'}`,
        remedy: 'Give --mayastor-namespace, and see that you may get services/proxy there',
      },
    ];
  }
  const { nodes, pools, volumes } = view.value;
  const active = moves.kind === 'answered' ? moves.value : undefined;
  return [
    diagnoseVersion(nodes),
    ...diagnoseNodeCordons(nodes, active),
    ...diagnosePoolCordons(pools, active),
    ...diagnoseCounts(volumes, active),
  ];
}

function diagnoseVersion(nodes: readonly MayastorNode[]): Finding {
  const topic = 'mayastor';
  const versions = [...new Set(nodes.map(({ spec, state }) => state?.version ?? spec?.version ?? 'unknown'))].sort();
  const [version = 'unknown'] = versions;
  if (versions.length > 1 || version === 'unknown') {
    return {
      level: 'warning',
      topic,
      message: `the versions of its nodes are ${versions.join(', ')}: nothing moves while they differ or are unknown`,
      remedy: 'Finish the upgrade; see that every io-engine pod runs',
    };
  }
  if (versionAtLeast(version, '2.10')) {
    return {
      level: 'ok',
      topic,
      message: `${version} on ${nodes.length} nodes: fences with pool cordons, steers with node cordons`,
    };
  }
  if (versionAtLeast(version, '2.7')) {
    return {
      level: 'warning',
      topic,
      message: `${version}: moves only if MAYASTOR_NODE_FENCE of the migrator is on, and the tiers sit on separate nodes`,
      remedy: 'Upgrade to 2.10 or later, or turn that setting on',
    };
  }
  return {
    level: 'error',
    topic,
    message: `${version} cannot be fenced and steered: nothing moves`,
    remedy: 'Upgrade to 2.10 or later',
  };
}

function diagnoseNodeCordons(nodes: readonly MayastorNode[], active: readonly Move[] | undefined): Finding[] {
  const expected = new Set((active ?? []).map(({ migrationId }) => cordonLabelOf(migrationId)));
  const findings = nodes.flatMap(({ id, spec }): Finding[] => {
    const { cordonedstate, drainingstate, drainedstate } = spec?.cordondrainstate ?? {};
    const labels = [cordonedstate, drainingstate, drainedstate].flatMap((state) => state?.cordonlabels ?? []);
    return labels
      .filter((label) => isOurCordonLabel(label) && !expected.has(label))
      .map((label) => ({
        level: active === undefined ? 'note' : 'warning',
        topic: 'cordons',
        message: `node ${id} carries our cordon ${label}${
          active === undefined ? '; whether its move is in flight is not known' : ', and no migrator works on that move'
        }`,
        remedy: `Migrators remove it by themselves once they run; if it stays: kubectl mayastor uncordon node ${id} ${label}`,
      }));
  });
  if (findings.length > 0) return findings;
  return [{ level: 'ok', topic: 'cordons', message: 'no node carries a cordon of ours that is left behind' }];
}

/** Mayastor keeps no owner of a pool's cordon, so that nothing can be told of one while moves are in flight. */
function diagnosePoolCordons(pools: readonly MayastorPool[], active: readonly Move[] | undefined): Finding[] {
  const cordoned = pools.filter(({ spec }) => spec?.cordonDrain?.cordoned?.['replicas'] === true).map(({ id }) => id);
  if (cordoned.length === 0 || active === undefined || active.length > 0) return [];
  return [
    {
      level: 'note',
      topic: 'cordons',
      message: `no move is in flight, and closed to new replicas are the pools ${someOf(cordoned)}`,
      remedy: `If none of you did that: kubectl mayastor uncordon pool ${cordoned[0] ?? ''}`,
    },
  ];
}

function diagnoseCounts(volumes: MayastorView['volumes'], active: readonly Move[] | undefined): Finding[] {
  if (active === undefined) return [];
  const moving = new Set(active.map(({ volumeId }) => volumeId));
  const above = volumes
    .filter(({ volumeId, replicas, wantedReplicas }) => replicas > wantedReplicas && !moving.has(volumeId))
    .map(({ volumeId }) => volumeId);
  if (above.length === 0) {
    return [
      {
        level: 'ok',
        topic: 'volumes',
        message: `none of ${volumes.length} has more replicas than it is meant to have`,
      },
    ];
  }
  return [
    {
      level: 'warning',
      topic: 'volumes',
      message: `more replicas than they are meant to have, and no move: ${someOf(above)}`,
      remedy: 'Mayastor removes such replicas by itself; if they stay, look at the logs of its core agent',
    },
  ];
}

function someOf(names: readonly string[]): string {
  const rest = names.length - NAMES_MAX;
  return `${names.slice(0, NAMES_MAX).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
