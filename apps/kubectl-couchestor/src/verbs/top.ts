import { scoresAnswer } from '../answers.ts';
import type { Cluster } from '../cluster.ts';
import { countOf, refuseFurther, type Invocation } from '../command-line.ts';
import { isInNamespace, isMayastors } from '../find-volumes.ts';
import { annotations, claimNameOf, persistentVolumes, type PersistentVolume } from '../objects.ts';
import { renderTop, type TopRow } from '../render/top.ts';
import type { Verb } from '../verb.ts';

const ROWS_BY_DEFAULT = 10;
/** As many as the scorer gives, where what is wanted is chosen here. */
const ALL = 100_000;

export const top: Verb = {
  name: 'top',
  takes: '',
  summary: 'the hottest volumes, or the coldest',
  example: 'kubectl couchestor top --coldest --limit 20 -l app=db',
  selects: 'volumes',
  heedsNamespace: true,
  flags: {
    coldest: { type: 'boolean', description: 'the coldest first' },
    limit: { type: 'string', value: 'COUNT', description: `how many; ${ROWS_BY_DEFAULT} by default` },
    policy: { type: 'string', value: 'NAME', description: 'only the volumes of this policy' },
  },
  check: (invocation) => {
    refuseFurther(invocation, 0);
    countOf(invocation, 'limit', ROWS_BY_DEFAULT);
  },
  run: async ({ invocation, cluster }) => {
    const limit = countOf(invocation, 'limit', ROWS_BY_DEFAULT);
    const isNarrowed = invocation.selector !== undefined || invocation.namespace !== undefined;
    const policy = invocation.text('policy');
    const query = new URLSearchParams({
      order: invocation.isSet('coldest') ? 'coldest' : 'hottest',
      limit: String(isNarrowed ? ALL : limit),
      ...(policy === undefined ? {} : { policy }),
    });
    const [answer, volumes] = await Promise.all([
      cluster.services.ask('scorer', `/v1/scores?${query.toString()}`, scoresAnswer),
      // Reading all volumes is left out where nothing of them is shown.
      isNarrowed || invocation.output !== 'table' ? readVolumes(cluster, invocation) : undefined,
    ]);
    if (answer.kind !== 'answered') {
      const shown = [...(volumes ?? (await readVolumes(cluster, invocation))).values()];
      const rows = shown.slice(0, limit).map((volume): TopRow => ({
        volumeName: volume.metadata.name,
        tierNow: volume.metadata.annotations?.[annotations.currentTier],
        claim: claimNameOf(volume),
      }));
      const problem = answer.kind === 'unreachable' ? answer.problem : 'it knows no scores';
      return {
        data: { volumes: rows },
        text: (wide) => renderTop(rows, wide),
        warnings: [
          `the scorer cannot be asked: ${problem}; Kubernetes holds no scores${policy === undefined ? '' : ', and --policy is not heeded'}`,
        ],
      };
    }
    const { decidedAt, scores } = answer.value;
    const rows = scores
      .filter(({ volumeName }) => !isNarrowed || volumes?.has(volumeName) === true)
      .slice(0, limit)
      .map((scored): TopRow => {
        const volume = volumes?.get(scored.volumeName);
        return { ...scored, claim: volume === undefined ? undefined : claimNameOf(volume) };
      });
    return { data: { decidedAt, volumes: rows }, text: (wide) => renderTop(rows, wide) };
  },
};

/** Mayastor's volumes by name. */
async function readVolumes(
  { client }: Cluster,
  { selector, namespace }: Invocation,
): Promise<ReadonlyMap<string, PersistentVolume>> {
  const found = await client.list<PersistentVolume>(
    persistentVolumes,
    selector === undefined ? {} : { labelSelector: selector },
  );
  const ours = found.filter((volume) => isMayastors(volume) && isInNamespace(volume, namespace));
  return new Map(ours.map((volume) => [volume.metadata.name, volume]));
}
