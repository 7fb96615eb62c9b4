import { parsePolicySpec, tierOfPool, tiers } from '@couchestor/shared/policy';
import type { Readiness } from '../answers.ts';
import type { Control, DiskPool, StoragePolicy } from '../objects.ts';
import type { Right } from '../rights.ts';
import type { Answer, ServiceName } from '../services.ts';
import type { Finding } from './finding.ts';

/** What the doctor makes of Kubernetes' own objects. */

export function diagnoseServices(
  services: Readonly<Record<ServiceName, Answer<unknown>>>,
  readiness: Readonly<Record<ServiceName, Answer<readonly Readiness[]>>>,
  controlNamespace: string,
): Finding[] {
  return Object.entries(services).flatMap(([service, answer]): Finding[] => {
    const pods = readiness[service as ServiceName];
    const lacking = pods.kind === 'answered' ? diagnoseReadiness(service, pods.value, controlNamespace) : [];
    if (answer.kind !== 'unreachable') {
      if (lacking.length > 0) return lacking;
      const message = pods.kind === 'answered' ? 'answers, and has what it needs' : 'answers';
      return [{ level: 'ok', topic: service, message }];
    }
    const remedy = `kubectl get pods -n ${controlNamespace} -l app=couchestor; if it runs elsewhere, give --control-namespace`;
    return [{ level: 'warning', topic: service, message: `cannot be asked: ${answer.problem}`, remedy }, ...lacking];
  });
}

/** What pods of a service do not have, each thing once. */
function diagnoseReadiness(topic: string, pods: readonly Readiness[], controlNamespace: string): Finding[] {
  const findings = new Map<string, Finding>();
  for (const { name, required, ok, reason = 'no reason is given' } of pods.flatMap((pod) => pod.dependencies)) {
    if (ok) continue;
    const message = `${required ? 'waits for' : 'goes on without'} ${name}: ${reason}`;
    const remedy = `Its logs have the cause: kubectl logs -n ${controlNamespace} -l app=couchestor,app.kubernetes.io/component=${topic}`;
    findings.set(message, required ? { level: 'error', topic, message, remedy } : { level: 'note', topic, message });
  }
  return [...findings.values()];
}

export function diagnoseControl({ paused, reason }: Control): Finding {
  if (!paused) return { level: 'ok', topic: 'control', message: 'nothing is paused' };
  const why = reason === undefined ? '' : `: ${reason}`;
  return {
    level: 'warning',
    topic: 'control',
    message: `everything is paused${why}`,
    remedy: 'kubectl couchestor resume',
  };
}

export function diagnosePolicies(policies: readonly StoragePolicy[]): Finding[] {
  if (policies.length === 0) {
    return [
      {
        level: 'warning',
        topic: 'policies',
        message: 'there is none',
        remedy: 'Create one: kubectl explain storagepolicy.spec',
      },
    ];
  }
  return policies.flatMap((policy): Finding[] => {
    const { name } = policy.metadata;
    const topic = `policy ${name}`;
    const parsed = parsePolicySpec(policy.spec);
    if (parsed.kind === 'invalid') {
      const message = parsed.problems.join('; ');
      return [{ level: 'error', topic, message, remedy: `Correct it: kubectl edit storagepolicy ${name}` }];
    }
    if (!parsed.spec.enabled) {
      return [{ level: 'note', topic, message: 'is disabled: nothing of it starts' }];
    }
    return [
      ...diagnoseMetrics(policy, topic),
      ...diagnoseOverlap(policy, topic),
      ...(parsed.spec.dryRun
        ? [{ level: 'note', topic, message: 'dry run: it decides and never moves' } as const]
        : []),
    ];
  });
}

function diagnoseMetrics(policy: StoragePolicy, topic: string): Finding[] {
  const condition = policy.status?.conditions?.find(({ type }) => type === 'MetricsAvailable');
  if (condition === undefined || condition.status === 'Unknown') {
    return [
      {
        level: 'warning',
        topic,
        message: 'nobody has looked for its metrics yet',
        remedy: 'See whether the scorer runs and reaches Prometheus: kubectl couchestor status',
      },
    ];
  }
  const message = `metrics: ${condition.reason}: ${condition.message}`;
  if (condition.status === 'True') return [{ level: 'ok', topic, message }];
  const remedy =
    'See that Prometheus scrapes the metrics of io-engine, and that PROMETHEUS_URL of the scorer and spec.metrics of the policy are right';
  return [{ level: 'error', topic, message, remedy }];
}

function diagnoseOverlap(policy: StoragePolicy, topic: string): Finding[] {
  const condition = policy.status?.conditions?.find(({ type }) => type === 'Overlapping');
  if (condition?.status !== 'True') return [];
  const remedy = 'Narrow volumeSelector or storageClassName of one of the policies';
  return [{ level: 'warning', topic, message: condition.message, remedy }];
}

/** `pools` is undefined where Mayastor's kind is not installed. */
export function diagnosePools(pools: readonly DiskPool[] | undefined, policies: readonly StoragePolicy[]): Finding[] {
  const topic = 'pools';
  if (pools === undefined) {
    const message = 'this cluster knows no diskpools.openebs.io';
    return [{ level: 'error', topic, message, remedy: 'Install Mayastor, or choose another cluster with --context' }];
  }
  const enabled = policies.flatMap(({ metadata, spec }) => {
    const parsed = parsePolicySpec(spec);
    return parsed.kind === 'valid' && parsed.spec.enabled ? [{ name: metadata.name, spec: parsed.spec }] : [];
  });
  const findings: Finding[] = [];
  for (const { name, spec } of enabled) {
    const present = new Set(pools.map(({ metadata }) => tierOfPool(spec, metadata.labels ?? {})));
    for (const tier of tiers) {
      if (spec.poolSelectors[tier] === undefined || present.has(tier)) continue;
      findings.push({
        level: 'error',
        topic,
        message: `tier ${tier} of policy ${name} has no pool`,
        remedy: `Label pools as its selector wants: ${JSON.stringify(spec.poolSelectors[tier])}`,
      });
    }
  }
  for (const { metadata } of pools) {
    if (enabled.length === 0) break;
    if (enabled.some(({ spec }) => tierOfPool(spec, metadata.labels ?? {}) !== undefined)) continue;
    findings.push({
      level: 'warning',
      topic,
      message: `${metadata.name} belongs to no tier, or to two, in each policy`,
      remedy: `kubectl label diskpool -n ${metadata.namespace ?? 'mayastor'} ${metadata.name} KEY=VALUE, as one pool selector wants`,
    });
  }
  if (findings.length > 0) return findings;
  return [
    { level: 'ok', topic, message: `${pools.length} pools, each tier of ${enabled.length} enabled policies has one` },
  ];
}

export function diagnoseRights(missing: Answer<readonly Right[]>): Finding[] {
  const topic = 'rights';
  if (missing.kind !== 'answered') {
    const problem = missing.kind === 'unreachable' ? missing.problem : 'no answer';
    return [{ level: 'note', topic, message: `yours could not be asked for: ${problem}` }];
  }
  if (missing.value.length === 0) return [{ level: 'ok', topic, message: 'yours are enough for every verb' }];
  return missing.value.map(({ verb, group, resource, subresource, name, namespace, neededBy, role }) => {
    const what = `${resource}${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`;
    const which = name === undefined ? '' : ` ${name}`;
    const where = namespace === undefined ? '' : ` in namespace ${namespace}`;
    return {
      level: 'warning',
      topic,
      message: `you may not ${verb} ${what}${which}${where}, which is needed for: ${neededBy}`,
      remedy: `Ask for the role ${role}`,
    };
  });
}
