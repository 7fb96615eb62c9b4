import { formatTimestamp, parseDurationMs } from '@couchestor/shared/units';
import type { Invocation } from '../command-line.ts';
import { CommandError } from '../command-error.ts';
import { checkChoice, findVolumes } from '../find-volumes.ts';
import { annotations } from '../objects.ts';
import type { Verb } from '../verb.ts';
import { annotate, reportAnnotated } from './annotate.ts';

export const hold: Verb = {
  name: 'hold',
  takes: 'PV|PVC...',
  summary: 'keep volumes where they are',
  example: 'kubectl couchestor hold data-postgres-0 -n shop --for 12h',
  selects: 'volumes',
  heedsNamespace: true,
  flags: {
    until: { type: 'string', value: 'TIME', description: 'when the hold ends by itself, such as 2030-01-31T12:00:00Z' },
    for: { type: 'string', value: 'DURATION', description: 'how long the hold lasts, such as 12h or 3d' },
    remove: { type: 'boolean', description: 'end the hold' },
  },
  check: (invocation) => {
    checkChoice(invocation, invocation.positionals);
    // What is wrong with the time is wrong at any time.
    holdValue(invocation, 0);
  },
  run: async ({ invocation, cluster, nowMs }) => {
    const value = holdValue(invocation, nowMs);
    if (value !== null && value !== 'true' && Date.parse(value) <= nowMs) {
      throw new CommandError(`--until ${value} is past`, 'Give a time to come.');
    }
    const volumes = await findVolumes(cluster, invocation, invocation.positionals);
    const written = await annotate(cluster, volumes, annotations.hold, value);
    const until = value === 'true' ? '' : ` until ${value}`;
    return reportAnnotated(written, value === null ? 'no longer held' : `held${until}`);
  },
};

/** RFC 3339 with a zone, since a time without one means another one on each machine. */
const timePattern = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/** What the annotation becomes; null to be removed. @throws CommandError */
function holdValue(invocation: Invocation, nowMs: number): string | null {
  const given = ['until', 'for', 'remove'].filter((flag) => invocation.isSet(flag));
  if (given.length > 1) {
    throw new CommandError(`${given.map((flag) => `--${flag}`).join(' and ')} exclude each other`, 'Give one of them.');
  }
  if (invocation.isSet('remove')) return null;
  const until = invocation.text('until');
  if (until !== undefined) {
    if (timePattern.test(until) && !Number.isNaN(Date.parse(until))) return until;
    throw new CommandError(`--until ${until} is not a time`, 'Write it like 2030-01-31T12:00:00Z.');
  }
  const duration = invocation.text('for');
  if (duration === undefined) return 'true';
  const durationMs = parseDurationMs(duration);
  if (durationMs !== undefined && durationMs > 0) return formatTimestamp(nowMs + durationMs);
  throw new CommandError(`--for ${duration} is not a duration`, 'Write it like 90m, 12h or 3d.');
}
