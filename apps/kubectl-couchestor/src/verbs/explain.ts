import { decisionAnswer, volumeAnswer, type Move } from '../answers.ts';
import { CommandError } from '../command-error.ts';
import { findVolume } from '../find-volumes.ts';
import { checkVolume } from '../render/check-volume.ts';
import { renderExplanation, type Explanation } from '../render/explain.ts';
import type { Answer } from '../services.ts';
import type { Verb } from '../verb.ts';
import { readEvents } from '../volume-events.ts';

export const explain: Verb = {
  name: 'explain',
  takes: 'PV|PVC',
  summary: 'why a volume moves or does not, with the numbers compared and what would change it',
  example: 'kubectl couchestor explain data-postgres-0 -n shop',
  heedsNamespace: true,
  flags: {},
  check: ({ positionals }) => {
    if (positionals.length !== 1)
      throw new CommandError('explain takes one volume or claim', 'Name the one to explain.');
  },
  run: async ({ invocation, cluster, nowMs }) => {
    const volume = await findVolume(cluster, invocation, invocation.positionals[0] ?? '');
    const { name } = volume.metadata;
    const volumeId = volume.spec?.csi?.volumeHandle ?? '';
    const { services } = cluster;
    const [policies, control, events, decision, moves, watched] = await Promise.all([
      cluster.policies(),
      cluster.control(),
      readEvents(cluster, volume),
      services.ask('scorer', `/v1/decisions/${encodeURIComponent(name)}`, decisionAnswer),
      cluster.moves(),
      services.ask('watcher', `/v1/volumes/${encodeURIComponent(volumeId)}`, volumeAnswer),
    ]);
    const move: Answer<Move | undefined> =
      moves.kind === 'answered'
        ? { kind: 'answered', value: moves.value.find((each) => each.volumeId === volumeId) }
        : moves;
    const checks = checkVolume(volume, policies, control, nowMs);
    const explanation: Explanation = { volume, policies, checks, decision, move, watched, events };
    return {
      data: {
        volume: name,
        volumeId,
        policy: checks.owner,
        decision: valueOf(decision),
        move: valueOf(move),
        checks: checks.checks,
        observed: valueOf(watched),
        events: events.map(({ reason, message, lastTimestamp, eventTime }) => ({
          reason,
          message,
          time: lastTimestamp ?? eventTime ?? undefined,
        })),
      },
      text: (wide) => renderExplanation(explanation, wide, nowMs),
      warnings: [
        ...warning('scorer', decision, 'scores and decisions'),
        ...warning('migrator', move, 'the progress of moves'),
        ...warning('watcher', watched, 'replicas'),
      ],
    };
  },
};

function valueOf<T>(answer: Answer<T>): T | undefined {
  return answer.kind === 'answered' ? answer.value : undefined;
}

function warning(service: string, answer: Answer<unknown>, missing: string): string[] {
  if (answer.kind !== 'unreachable') return [];
  return [`the ${service} cannot be asked: ${answer.problem}; Kubernetes does not hold ${missing}`];
}
