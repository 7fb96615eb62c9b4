import { policiesAnswer } from '../answers.ts';
import { CommandError } from '../command-error.ts';
import { scoresAnswer } from '../answers.ts';
import { renderStatus, type StatusView } from '../render/status.ts';
import type { Answer } from '../services.ts';
import type { Verb } from '../verb.ts';

export const status: Verb = {
  name: 'status',
  takes: '[POLICY...]',
  summary: 'whether CoucheStor runs, its policies, and the moves in flight',
  example: 'kubectl couchestor status -o wide',
  selects: 'policies',
  heedsNamespace: false,
  flags: {},
  run: async ({ invocation, cluster, nowMs }) => {
    const [all, control, moves, watcher, scorer] = await Promise.all([
      cluster.policies(invocation.selector),
      cluster.control(),
      cluster.moves(),
      cluster.services.ask('watcher', '/v1/policies', policiesAnswer),
      cluster.services.ask('scorer', '/v1/scores?limit=1', scoresAnswer),
    ]);
    const named = invocation.positionals;
    const missing = named.find((name) => all.every((policy) => policy.metadata.name !== name));
    if (missing !== undefined) {
      throw new CommandError(
        `there is no StoragePolicy ${JSON.stringify(missing)}`,
        "'kubectl get storagepolicies' lists them.",
      );
    }
    const policies = named.length === 0 ? all : all.filter((policy) => named.includes(policy.metadata.name));
    const view: StatusView = {
      control,
      policies,
      moves,
      services: { watcher: problemOf(watcher), scorer: problemOf(scorer), migrator: problemOf(moves) },
    };
    return {
      data: {
        paused: control.paused,
        reason: control.reason,
        policies: policies.map(({ metadata, status }) => ({ name: metadata.name, ...status })),
        moves: moves.kind === 'answered' ? moves.value : undefined,
        unreachable: Object.fromEntries(Object.entries(view.services).filter(([, problem]) => problem !== undefined)),
      },
      text: (wide) => renderStatus(view, wide, nowMs),
      warnings: Object.entries(view.services).flatMap(([service, problem]) =>
        problem === undefined ? [] : [`the ${service} cannot be asked: ${problem}`],
      ),
    };
  },
};

function problemOf(answer: Answer<unknown>): string | undefined {
  return answer.kind === 'unreachable' ? answer.problem : undefined;
}
