import type { Clock } from '@couchestor/shared/clock';
import { policyPhases } from '@couchestor/shared/policy';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Measures } from '../ports.ts';
import { watchedKinds, type WatchedKind } from './kubernetes-source.ts';

export interface MeasuresOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly newestEventAgeMs: (kind: WatchedKind) => number | undefined;
}

/** The metrics of the watcher. Those of moves count from the start of the process, so they begin at 0. */
export function createMeasures({ registry, clock, newestEventAgeMs }: MeasuresOptions): Measures {
  const registers = [registry];
  const reconciles = new Counter({
    name: 'storage_operator_reconcile_total',
    help: 'Times that the status of a policy was worked out.',
    registers,
  });
  const migrations = new Counter({
    name: 'storage_operator_migrations_total',
    help: 'Moves that ended, by status: success, failed, aborted.',
    labelNames: ['status'],
    registers,
  });
  for (const status of ['success', 'failed', 'aborted']) migrations.inc({ status }, 0);
  const active = new Gauge({
    name: 'storage_operator_active_migrations',
    help: 'Moves in flight, as the leading watcher sees them.',
    registers,
  });
  const phase = new Gauge({
    name: 'kube_storagepolicy_status_phase',
    help: '1 for the phase that the policy is in, 0 for the others; of the leading watcher only.',
    labelNames: ['name', 'phase'],
    registers,
  });
  const facts = new Counter({
    name: 'couchestor_watcher_facts_published_total',
    help: 'Facts that were published because they changed, tombstones included.',
    labelNames: ['fact'],
    registers,
  });
  const polls = new Histogram({
    name: 'couchestor_watcher_mayastor_poll_seconds',
    help: 'Duration of one pass over all nodes, pools and volumes of Mayastor, by outcome: complete, failed.',
    labelNames: ['outcome'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
    registers,
  });
  const writes = new Counter({
    name: 'couchestor_watcher_kubernetes_writes_total',
    help: 'Writes to Kubernetes by kind (status, annotation, event, view) and outcome.',
    labelNames: ['kind', 'outcome'],
    registers,
  });
  const leader = new Gauge({
    name: 'couchestor_watcher_leader',
    help: '1 while this watcher leads, else 0.',
    registers,
  });
  let permitAtMs: number | undefined;
  const permitAge = new Gauge({
    name: 'couchestor_watcher_permit_age_seconds',
    help: 'Since this watcher last wrote the permit without which nothing moves; NaN while it does not lead.',
    registers: [],
    collect() {
      this.set(permitAtMs === undefined ? Number.NaN : (clock.monotonicMs() - permitAtMs) / 1000);
    },
  });
  const newestEventAge = new Gauge({
    name: 'couchestor_watcher_newest_watch_event_age_seconds',
    help: 'Since the API server was last heard on this kind of object, bookmarks included.',
    labelNames: ['kind'],
    registers: [],
    collect() {
      for (const kind of watchedKinds) this.set({ kind }, (newestEventAgeMs(kind) ?? Number.NaN) / 1000);
    },
  });
  for (const gauge of [permitAge, newestEventAge]) registry.registerMetric(gauge);
  return {
    reconciled: () => reconciles.inc(),
    moveEnded: (status) => migrations.inc({ status }),
    activeMoves: (count) => active.set(count),
    policyPhase: (name, current) => {
      for (const each of policyPhases) {
        if (current === undefined) phase.remove({ name, phase: each });
        else phase.set({ name, phase: each }, each === current ? 1 : 0);
      }
    },
    factsPublished: (fact, count) => facts.inc({ fact }, count),
    mayastorPolled: (outcome, seconds) => polls.observe({ outcome }, seconds),
    permitWritten: () => {
      permitAtMs = clock.monotonicMs();
    },
    kubernetesWritten: (kind, outcome) => writes.inc({ kind, outcome }),
    leading: (isLeader) => {
      leader.set(isLeader ? 1 : 0);
      if (isLeader) return;
      permitAtMs = undefined;
      active.set(0);
      phase.reset();
    },
  };
}
