import { Counter, Histogram, type Registry } from 'prom-client';
import { type ChangeOperation, changeOperations } from './classification.ts';

const readOperations = [
  'listVolumes',
  'getVolume',
  'listPools',
  'listNodes',
  'listNexuses',
  'readOwners',
  'poolCordonSupported',
] as const;
export type ReadOperation = (typeof readOperations)[number];

type ReadResult = 'done' | 'absent' | 'unavailable';
type ChangeResult = 'done' | 'refused' | 'unknown';

export interface MayastorMetrics {
  read(operation: ReadOperation, outcome: ReadResult, durationMs: number): void;
  change(operation: ChangeOperation, outcome: ChangeResult, durationMs: number): void;
}

const readResults: readonly ReadResult[] = ['done', 'absent', 'unavailable'];
const changeResults: readonly ChangeResult[] = ['done', 'refused', 'unknown'];

export function createMayastorMetrics(registry: Registry): MayastorMetrics {
  const requests = new Counter({
    name: 'couchestor_mayastor_requests_total',
    help: 'Requests to the REST API of Mayastor, by operation and outcome (done, absent, unavailable, refused, unknown).',
    labelNames: ['operation', 'outcome'],
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'couchestor_mayastor_request_duration_seconds',
    help: 'Time from sending a request to Mayastor to its end, by operation.',
    labelNames: ['operation'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
    registers: [registry],
  });
  for (const operation of readOperations) {
    duration.zero({ operation });
    for (const outcome of readResults) requests.inc({ operation, outcome }, 0);
  }
  for (const operation of changeOperations) {
    duration.zero({ operation });
    for (const outcome of changeResults) requests.inc({ operation, outcome }, 0);
  }
  const observe = (operation: string, outcome: string, durationMs: number): void => {
    requests.inc({ operation, outcome });
    duration.observe({ operation }, durationMs / 1_000);
  };
  return { read: observe, change: observe };
}
