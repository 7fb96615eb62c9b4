import { formatDuration } from '@couchestor/shared/units';
import type { MaintenanceWindow } from '@couchestor/shared/policy';
import type { WindowState } from './world.ts';

/** When a schedule fires, in milliseconds since 1970. */
export interface Schedule {
  /** The last time at or before the moment, if any. */
  lastAt(ms: number): number | undefined;
  /** The first time after the moment, if any. */
  nextAfter(ms: number): number | undefined;
}

export interface ScheduledWindow {
  readonly window: MaintenanceWindow;
  /** A sentence, where the schedule or its time zone cannot be read. */
  readonly schedule: Schedule | string;
}

/** Windows that follow each other without a gap are followed so often to find their common end; that is days or years. */
const JOINED_MAX = 64;

/**
 * Whether moves may start, and until when. Without any Allow they may always; a Deny wins. A window that cannot be read
 * does not open, and one that denies is taken to deny: neither is a permission.
 */
export function windowStateAt(windows: readonly ScheduledWindow[], nowMs: number): WindowState {
  const unreadable = windows.find(({ schedule }) => typeof schedule === 'string');
  if (unreadable !== undefined && typeof unreadable.schedule === 'string') {
    return { kind: 'closed', explanation: unreadable.schedule };
  }
  const denies = spansOf(windows, 'Deny');
  const allows = spansOf(windows, 'Allow');
  const denied = denies.find((spans) => spans.endAt(nowMs) !== undefined);
  if (denied !== undefined) {
    const opensAtMs = openAfter(nowMs, allows, denies);
    const reason = denied.window.reason === undefined ? '' : ` (${denied.window.reason})`;
    return closed(`A window that denies moves is open${reason}.`, opensAtMs);
  }
  const allowEndsMs = allows.length === 0 ? Infinity : joinedEnd(nowMs, allows);
  if (allowEndsMs === undefined) {
    return closed('No maintenance window is open.', openAfter(nowMs, allows, denies));
  }
  const denyBeginsMs = Math.min(Infinity, ...denies.map((spans) => spans.nextStart(nowMs) ?? Infinity));
  const closesAtMs = Math.min(allowEndsMs, denyBeginsMs);
  return closesAtMs === Infinity ? { kind: 'open' } : { kind: 'open', closesAtMs };
}

/** For conditions and messages: `0 22 * * * for 6h (Europe/Berlin)`. */
export function describeWindow({ schedule, durationMs, timeZone }: MaintenanceWindow): string {
  return `${schedule} for ${formatDuration(durationMs)} (${timeZone})`;
}

interface Spans {
  readonly window: MaintenanceWindow;
  /** The end of the span that covers the moment; the end itself is outside. */
  endAt(ms: number): number | undefined;
  nextStart(ms: number): number | undefined;
}

function spansOf(windows: readonly ScheduledWindow[], action: MaintenanceWindow['action']): readonly Spans[] {
  return windows.flatMap(({ window, schedule }) => {
    if (window.action !== action || typeof schedule === 'string') return [];
    return {
      window,
      endAt: (ms: number) => {
        const startMs = schedule.lastAt(ms);
        return startMs !== undefined && ms < startMs + window.durationMs ? startMs + window.durationMs : undefined;
      },
      nextStart: (ms: number) => schedule.nextAfter(ms),
    };
  });
}

/** The end of the time that the windows cover without a gap from the moment on. */
function joinedEnd(fromMs: number, spans: readonly Spans[]): number | undefined {
  let endMs: number | undefined;
  for (let round = 0; round < JOINED_MAX; round += 1) {
    const further = Math.max(...spans.map((span) => span.endAt(endMs ?? fromMs) ?? -Infinity));
    if (further === -Infinity || further === endMs) break;
    endMs = further;
  }
  return endMs;
}

/** The next moment at which moves may start, as far as a few steps show it. */
function openAfter(nowMs: number, allows: readonly Spans[], denies: readonly Spans[]): number | undefined {
  let atMs = nowMs;
  for (let round = 0; round < JOINED_MAX; round += 1) {
    const deniedUntilMs = Math.max(...denies.map((span) => span.endAt(atMs) ?? -Infinity), -Infinity);
    if (deniedUntilMs !== -Infinity) {
      atMs = deniedUntilMs;
      continue;
    }
    if (allows.length === 0 || allows.some((span) => span.endAt(atMs) !== undefined)) return atMs;
    const starts = allows.flatMap((span) => span.nextStart(atMs) ?? []);
    if (starts.length === 0) return undefined;
    atMs = Math.min(...starts);
  }
  return undefined;
}

function closed(explanation: string, opensAtMs: number | undefined): WindowState {
  return { kind: 'closed', explanation, ...(opensAtMs === undefined ? {} : { opensAtMs }) };
}
