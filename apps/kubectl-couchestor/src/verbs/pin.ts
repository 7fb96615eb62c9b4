import { tiers, type Tier } from '@couchestor/shared/policy';
import type { Invocation } from '../command-line.ts';
import { CommandError } from '../command-error.ts';
import { checkChoice, findVolumes } from '../find-volumes.ts';
import { annotations } from '../objects.ts';
import type { Verb } from '../verb.ts';
import { annotate, reportAnnotated } from './annotate.ts';

export const pin: Verb = {
  name: 'pin',
  takes: 'PV|PVC... hot|warm|cold',
  summary: 'choose the tier of volumes by hand; windows, limits and safety still count',
  example: 'kubectl couchestor pin data-postgres-0 hot -n shop',
  selects: 'volumes',
  heedsNamespace: true,
  flags: { remove: { type: 'boolean', description: 'let the score choose again' } },
  check: (invocation) => {
    readPin(invocation);
  },
  run: async ({ invocation, cluster }) => {
    const { names, tier } = readPin(invocation);
    const volumes = await findVolumes(cluster, invocation, names);
    const written = await annotate(cluster, volumes, annotations.pinTier, tier);
    return reportAnnotated(written, tier === null ? 'no longer pinned' : `pinned to ${tier}`);
  },
};

/** The volumes and their tier, null to be removed. @throws CommandError */
function readPin(invocation: Invocation): { readonly names: readonly string[]; readonly tier: Tier | null } {
  const words = invocation.positionals;
  if (invocation.isSet('remove')) {
    checkChoice(invocation, words);
    return { names: words, tier: null };
  }
  const last = words.at(-1);
  const tier = tiers.find((each) => each === last);
  if (tier === undefined) {
    const problem = last === undefined ? 'no tier was named' : `${JSON.stringify(last)} is no tier`;
    throw new CommandError(problem, 'Name hot, warm or cold last, or give --remove.');
  }
  const names = words.slice(0, -1);
  checkChoice(invocation, names);
  return { names, tier };
}
