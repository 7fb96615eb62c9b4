import type { Cluster } from '../cluster.ts';
import { CommandError } from '../command-error.ts';
import { findVolume } from '../find-volumes.ts';
import { annotations, type PersistentVolume } from '../objects.ts';
import { moveFromEvents } from '../render/volume-events.ts';
import type { Verb } from '../verb.ts';
import { readEvents } from '../volume-events.ts';
import { annotate, reportAnnotated } from './annotate.ts';

export const abort: Verb = {
  name: 'abort',
  takes: 'PV|PVC',
  summary: 'roll back the move of a volume that is in flight',
  example: 'kubectl couchestor abort data-postgres-0 -n shop',
  heedsNamespace: true,
  flags: {
    migration: { type: 'string', value: 'ID', description: 'the id of the move, where it cannot be found by itself' },
  },
  check: ({ positionals }) => {
    if (positionals.length !== 1) {
      throw new CommandError('abort takes one volume or claim', 'Name the one whose move is to be rolled back.');
    }
  },
  run: async ({ invocation, cluster }) => {
    const volume = await findVolume(cluster, invocation, invocation.positionals[0] ?? '');
    const given = invocation.text('migration');
    const found = given === undefined ? await findMove(cluster, volume) : { migrationId: given, warnings: [] };
    const written = await annotate(cluster, [volume], annotations.abort, found.migrationId);
    return { ...reportAnnotated(written, `asks to roll back the move ${found.migrationId}`), warnings: found.warnings };
  },
};

interface FoundMove {
  readonly migrationId: string;
  readonly warnings: readonly string[];
}

/**
 * The migrators know best. Events tell where they cannot be asked, and of a move that nobody has taken up again yet; an id
 * that is wrong does nothing.
 *
 * @throws CommandError
 */
async function findMove(cluster: Cluster, volume: PersistentVolume): Promise<FoundMove> {
  const { name } = volume.metadata;
  const moves = await cluster.moves();
  if (moves.kind === 'answered') {
    const move = moves.value.find(({ volumeId }) => volumeId === volume.spec?.csi?.volumeHandle);
    if (move !== undefined) return { migrationId: move.migrationId, warnings: [] };
  }
  const problem =
    moves.kind === 'unreachable' ? `the migrators cannot be asked (${moves.problem})` : 'no migrator works on it';
  const migrationId = moveFromEvents(await readEvents(cluster, volume));
  if (migrationId !== undefined) return { migrationId, warnings: [`${problem}; the move was found by its Event`] };
  throw new CommandError(
    `no move of ${name} is in flight: ${problem}, and no Event tells of one`,
    'If you know better, give its id with --migration; it is in the logs of the migrators.',
  );
}
