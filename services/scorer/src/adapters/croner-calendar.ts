import type { MaintenanceWindow } from '@couchestor/shared/policy';
import { messageOf } from '@couchestor/shared/service';
import { Cron } from 'croner';
import { describeWindow, windowStateAt, type Schedule } from '../core/maintenance-windows.ts';
import type { WindowCalendar } from '../ports.ts';

const SCHEDULES_MAX = 1_000;

/** Cron schedules by croner, which knows time zones and daylight saving. Parsed schedules are kept. */
export function createCronerCalendar(): WindowCalendar {
  const parsed = new Map<string, Schedule | string>();
  const scheduleOf = (window: MaintenanceWindow): Schedule | string => {
    const key = `${window.timeZone} ${window.schedule}`;
    const known = parsed.get(key) ?? parseSchedule(window);
    if (parsed.size >= SCHEDULES_MAX) parsed.clear();
    parsed.set(key, known);
    return known;
  };
  return {
    stateAt: (windows, nowMs) =>
      windowStateAt(
        windows.map((window) => ({ window, schedule: scheduleOf(window) })),
        nowMs,
      ),
  };
}

function parseSchedule(window: MaintenanceWindow): Schedule | string {
  try {
    // Paused and without a function: croner only computes times here.
    const cron = new Cron(window.schedule, { timezone: window.timeZone, paused: true });
    // A time zone is looked at only when a time is asked for.
    cron.nextRun(new Date(0));
    return {
      // croner's "previous" is strictly before its reference.
      lastAt: (ms) => cron.previousRuns(1, new Date(ms + 1))[0]?.getTime(),
      nextAfter: (ms) => cron.nextRun(new Date(ms))?.getTime(),
    };
  } catch (error) {
    return `The window ${describeWindow(window)} cannot be read: ${messageOf(error)}`;
  }
}
