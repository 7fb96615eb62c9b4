import { parsePolicySpec } from '@couchestor/shared/policy';
import type { Move } from '../answers.ts';
import type { Condition, Control, StoragePolicy } from '../objects.ts';
import type { Answer, ServiceName } from '../services.ts';
import { formatTable, joinBlocks, printable } from './table.ts';
import { ageOf, dash } from './words.ts';

export interface StatusView {
  readonly control: Control;
  readonly policies: readonly StoragePolicy[];
  readonly moves: Answer<readonly Move[]>;
  /** The problem of each service that could not be asked; undefined for one that answers. */
  readonly services: Readonly<Record<ServiceName, string | undefined>>;
}

export function renderStatus(view: StatusView, wide: boolean, nowMs: number): string {
  return joinBlocks([
    renderControl(view.control),
    renderPolicies(view.policies, wide, nowMs),
    renderProblems(view.policies),
    renderMoves(view.moves, view.policies),
  ]);
}

function renderControl({ paused, reason }: Control): string {
  if (!paused) return 'Moves may start.';
  const why = reason === undefined || reason === '' ? '' : ` (${printable(reason)})`;
  return `Everything is paused${why}. To go on: kubectl couchestor resume`;
}

function renderPolicies(policies: readonly StoragePolicy[], wide: boolean, nowMs: number): string {
  if (policies.length === 0) return 'There is no StoragePolicy.';
  const head = ['POLICY', 'PHASE', 'WATCHED', 'HOT', 'WARM', 'COLD', 'MIXED', 'ACTIVE', 'MOVED', 'FAILED', 'READY'];
  const more = ['HIGH IOPS', 'LOW IOPS', 'DRY-RUN', 'STORAGECLASS', 'METRICS', 'CHANGED'];
  const rows = policies.map((policy) => {
    const { metadata, status = {} } = policy;
    const row = [
      metadata.name,
      status.phase ?? 'Pending',
      ...[status.watchedVolumes, status.hotVolumes, status.warmVolumes, status.coldVolumes, status.mixedVolumes].map(
        number,
      ),
      ...[status.activeMigrations, status.totalMigrations, status.failedMigrations].map(number),
      conditionWord(status.conditions, 'Ready'),
    ];
    if (!wide) return row;
    const parsed = parsePolicySpec(policy.spec);
    const spec = parsed.kind === 'valid' ? parsed.spec : undefined;
    return [
      ...row,
      number(spec?.highWatermarkIops),
      number(spec?.lowWatermarkIops),
      spec === undefined ? dash : String(spec.dryRun),
      spec?.storageClassName ?? dash,
      conditionWord(status.conditions, 'MetricsAvailable'),
      status.lastReconcileTime === undefined ? dash : `${ageOf(status.lastReconcileTime, nowMs)} ago`,
    ];
  });
  return formatTable(wide ? [...head, ...more] : head, rows);
}

const number = (value: number | undefined): string => (value === undefined ? dash : String(value));

/** `True`, or why not. */
function conditionWord(conditions: readonly Condition[] | undefined, type: string): string {
  const condition = conditions?.find((each) => each.type === type);
  if (condition === undefined) return 'Unknown';
  return condition.status === 'True' ? 'True' : condition.reason;
}

/** Whether a condition says that something is wrong, each type having its own good side. */
function isTrouble({ type, status }: Condition): boolean {
  return type === 'Overlapping' || type === 'Paused' ? status === 'True' : status === 'False';
}

function renderProblems(policies: readonly StoragePolicy[]): string {
  return policies
    .flatMap(({ metadata, status }) =>
      (status?.conditions ?? [])
        // That everything is paused stands above, that a policy is disabled in its phase.
        .filter((condition) => isTrouble(condition) && condition.type !== 'Paused' && condition.reason !== 'Disabled')
        .map(({ type, reason, message }) => printable(`${metadata.name}: ${type}: ${reason}: ${message}`)),
    )
    .join('\n');
}

function renderMoves(moves: Answer<readonly Move[]>, policies: readonly StoragePolicy[]): string {
  if (moves.kind !== 'answered') {
    const active = policies.reduce((sum, { status }) => sum + (status?.activeMigrations ?? 0), 0);
    return `Moves in flight, by the policies' status: ${active}.`;
  }
  if (moves.value.length === 0) return 'No move is in flight.';
  const rows = moves.value.map((move) => [
    move.volumeName,
    move.fromTier,
    move.toTier,
    `${move.replicasMoved}/${move.replicaCount}`,
    move.attention === undefined ? move.step : `needs attention: ${move.attention}`,
    move.rebuildPercent === undefined ? dash : `${move.rebuildPercent}%`,
    move.targetPool ?? dash,
    move.migrationId,
  ]);
  return formatTable(['MOVING', 'FROM', 'TO', 'REPLICAS', 'STEP', 'REBUILD', 'POOL', 'MIGRATION'], rows);
}
