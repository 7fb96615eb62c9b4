import { CommandError } from '../command-error.ts';
import { countOf, refuseFurther } from '../command-line.ts';
import { findVolume } from '../find-volumes.ts';
import { pastMoves, renderHistory } from '../render/history.ts';
import type { Verb } from '../verb.ts';

const ROWS_BY_DEFAULT = 20;

export const history: Verb = {
  name: 'history',
  takes: '[PV|PVC]',
  summary: 'moves that ended, newest first',
  example: 'kubectl couchestor history data-postgres-0 -n shop --failed',
  selects: 'policies',
  heedsNamespace: true,
  flags: {
    failed: { type: 'boolean', description: 'only those that failed' },
    limit: { type: 'string', value: 'COUNT', description: `how many; ${ROWS_BY_DEFAULT} by default` },
    policy: { type: 'string', value: 'NAME', description: 'only those of this policy' },
  },
  check: (invocation) => {
    refuseFurther(invocation, 1);
    countOf(invocation, 'limit', ROWS_BY_DEFAULT);
  },
  run: async ({ invocation, cluster, nowMs }) => {
    const [name] = invocation.positionals;
    const policyName = invocation.text('policy');
    const [policies, volume] = await Promise.all([
      cluster.policies(invocation.selector),
      name === undefined ? undefined : findVolume(cluster, invocation, name),
    ]);
    if (policyName !== undefined && policies.every(({ metadata }) => metadata.name !== policyName)) {
      throw new CommandError(
        `there is no StoragePolicy ${JSON.stringify(policyName)}`,
        "'kubectl get storagepolicies' lists them.",
      );
    }
    const moves = pastMoves(policies)
      .filter((move) => policyName === undefined || move.policyName === policyName)
      .filter((move) => volume === undefined || move.volumeName === volume.metadata.name)
      .filter((move) => !invocation.isSet('failed') || !move.success)
      .slice(0, countOf(invocation, 'limit', ROWS_BY_DEFAULT));
    return { data: { moves }, text: (wide) => renderHistory(moves, wide, nowMs) };
  },
};
