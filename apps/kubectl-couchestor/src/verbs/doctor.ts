import { moverAnswer, policiesAnswer, readinessAnswer, scoresAnswer } from '../answers.ts';
import { CommandError } from '../command-error.ts';
import { refuseFurther } from '../command-line.ts';
import { readMayastor } from '../mayastor.ts';
import {
  diagnoseControl,
  diagnosePolicies,
  diagnosePools,
  diagnoseRights,
  diagnoseServices,
} from '../render/diagnose-kubernetes.ts';
import { diagnoseMayastor } from '../render/diagnose-mayastor.ts';
import { renderFindings, type Finding } from '../render/finding.ts';
import { missingRights, neededRights } from '../rights.ts';
import type { ServiceName } from '../services.ts';
import type { Verb } from '../verb.ts';

export const doctor: Verb = {
  name: 'doctor',
  takes: '',
  summary: 'what is wrong with the installation, each finding with a remedy; exit code 1 if there is an error',
  example: 'kubectl couchestor doctor',
  heedsNamespace: true,
  flags: {
    'mayastor-namespace': {
      type: 'string',
      value: 'NAME',
      description: 'where Mayastor is; the namespace of its DiskPools by default',
    },
  },
  check: (invocation) => refuseFurther(invocation, 0),
  run: async ({ invocation, cluster }) => {
    const { access, client, services, controlNamespace, namespace } = cluster;
    const failures: Finding[] = [];
    // What cannot be read is a finding of its own and hides none of the others.
    const attempt = async <T>(topic: string, reading: Promise<T>): Promise<T | undefined> => {
      try {
        return await reading;
      } catch (error) {
        const message = `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
        const remedy = error instanceof CommandError ? error.remedy : 'See the findings on rights below';
        failures.push({ level: 'error', topic, message, remedy });
        return undefined;
      }
    };
    const readinessOf = (service: ServiceName) => services.askAll(service, '/v1/readiness', readinessAnswer);
    const [policies, control, pools, moves, movers, watcher, scorer, ...readiness] = await Promise.all([
      attempt('policies', cluster.policies()),
      attempt('control', cluster.control()),
      attempt(
        'pools',
        cluster.diskPools().then((value) => ({ value })),
      ),
      cluster.moves(),
      services.askAll('migrator', '/v1/mover', moverAnswer),
      services.ask('watcher', '/v1/policies', policiesAnswer),
      services.ask('scorer', '/v1/scores?limit=1', scoresAnswer),
      readinessOf('watcher'),
      readinessOf('scorer'),
      readinessOf('migrator'),
    ]);
    const mayastorNamespace =
      invocation.text('mayastor-namespace') ??
      pools?.value?.find(({ metadata }) => metadata.namespace)?.metadata.namespace ??
      'mayastor';
    const [mayastor, missing] = await Promise.all([
      readMayastor(access, client, mayastorNamespace),
      missingRights(access, neededRights(controlNamespace, namespace, mayastorNamespace)),
    ]);
    const findings = [
      ...diagnoseServices(
        { watcher, scorer, migrator: moves },
        { watcher: readiness[0], scorer: readiness[1], migrator: readiness[2] },
        controlNamespace,
      ),
      ...failures,
      ...(control === undefined ? [] : [diagnoseControl(control)]),
      ...(policies === undefined ? [] : diagnosePolicies(policies)),
      ...(pools === undefined || policies === undefined ? [] : diagnosePools(pools.value, policies)),
      ...diagnoseMayastor(mayastor, moves, movers),
      ...diagnoseRights(missing),
    ];
    return {
      data: { findings },
      text: () => renderFindings(findings),
      exitCode: findings.some(({ level }) => level === 'error') ? 1 : 0,
    };
  },
};
