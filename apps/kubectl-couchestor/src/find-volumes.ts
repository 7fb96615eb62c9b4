import type { Cluster } from './cluster.ts';
import type { Invocation } from './command-line.ts';
import { CommandError } from './command-error.ts';
import {
  MAYASTOR_CSI_DRIVER,
  persistentVolumeClaims,
  persistentVolumes,
  type PersistentVolume,
  type PersistentVolumeClaim,
} from './objects.ts';

const volumeKinds = ['pv', 'persistentvolume', 'persistentvolumes'];
const claimKinds = ['pvc', 'persistentvolumeclaim', 'persistentvolumeclaims'];

/**
 * The PersistentVolume that is meant by its name, its claim's name, or either with its kind (`pv/x`, `pvc/x`). With
 * `-n` a claim is looked for first, without it last.
 *
 * @throws CommandError if there is none, or it is not Mayastor's
 */
export async function findVolume(cluster: Cluster, invocation: Invocation, text: string): Promise<PersistentVolume> {
  const { kind, name } = splitName(text);
  const ofVolume = (): Promise<PersistentVolume | undefined> => cluster.client.get(persistentVolumes, { name });
  const ofClaim = (): Promise<PersistentVolume | undefined> => volumeOfClaim(cluster, name);
  const ways = { volume: [ofVolume], claim: [ofClaim], either: [ofVolume, ofClaim] };
  const searches = ways[kind];
  if (invocation.namespace !== undefined) searches.reverse();
  for (const search of searches) {
    const volume = await search();
    if (volume !== undefined) return requireMayastor(volume);
  }
  const where = `in namespace ${cluster.namespace}`;
  const what = {
    volume: `PersistentVolume ${JSON.stringify(name)}`,
    claim: `PersistentVolumeClaim ${JSON.stringify(name)} ${where}`,
    either: `PersistentVolume ${JSON.stringify(name)}, nor a claim of that name ${where}`,
  };
  throw new CommandError(
    `there is no ${what[kind]}`,
    "Give -n for a claim of another namespace; 'kubectl get pvc -A' lists all.",
  );
}

/** Those named, or those with the labels of `-l`. @throws CommandError if both or neither is given, or none is found */
export async function findVolumes(
  cluster: Cluster,
  invocation: Invocation,
  names: readonly string[],
): Promise<readonly PersistentVolume[]> {
  const { selector } = invocation;
  if (selector === undefined) {
    return Promise.all(names.map((name) => findVolume(cluster, invocation, name)));
  }
  const all = await cluster.client.list<PersistentVolume>(persistentVolumes, { labelSelector: selector });
  const ours = all.filter(isMayastors).filter((volume) => isInNamespace(volume, invocation.namespace));
  if (ours.length > 0) return ours;
  throw new CommandError(
    `no volume of Mayastor carries ${selector}`,
    "'kubectl get pv --show-labels' shows the labels of volumes.",
  );
}

/** @throws CommandError unless volumes are chosen in exactly one way */
export function checkChoice(invocation: Invocation, names: readonly string[]): void {
  const verb = invocation.verb ?? '';
  if (names.length === 0 && invocation.selector === undefined) {
    throw new CommandError(
      'no volume was named',
      `Name a volume or a claim, or give -l; see 'kubectl couchestor ${verb} --help'.`,
    );
  }
  if (names.length > 0 && invocation.selector !== undefined) {
    throw new CommandError('volumes are named and selected with -l', 'Do one of the two.');
  }
}

export function isMayastors({ spec }: PersistentVolume): boolean {
  return spec?.csi?.driver === MAYASTOR_CSI_DRIVER;
}

export function isInNamespace({ spec }: PersistentVolume, namespace: string | undefined): boolean {
  return namespace === undefined || spec?.claimRef?.namespace === namespace;
}

function splitName(text: string): { readonly kind: 'volume' | 'claim' | 'either'; readonly name: string } {
  const [kind = '', name, ...more] = text.split('/');
  if (name === undefined && kind !== '') return { kind: 'either', name: kind };
  if (name !== undefined && name !== '' && more.length === 0) {
    if (volumeKinds.includes(kind)) return { kind: 'volume', name };
    if (claimKinds.includes(kind)) return { kind: 'claim', name };
  }
  throw new CommandError(`${JSON.stringify(text)} names no volume`, 'Write NAME, pv/NAME or pvc/NAME.');
}

async function volumeOfClaim({ client, namespace }: Cluster, name: string): Promise<PersistentVolume | undefined> {
  const claim = await client.get<PersistentVolumeClaim>(persistentVolumeClaims, { name, namespace });
  if (claim === undefined) return undefined;
  const volumeName = claim.spec?.volumeName ?? '';
  if (volumeName === '') {
    throw new CommandError(
      `the claim ${namespace}/${name} is not bound to a volume yet`,
      `'kubectl describe pvc -n ${namespace} ${name}' says why.`,
    );
  }
  return client.get<PersistentVolume>(persistentVolumes, { name: volumeName });
}

function requireMayastor(volume: PersistentVolume): PersistentVolume {
  if (isMayastors(volume)) return volume;
  const driver = volume.spec?.csi?.driver ?? 'no CSI driver';
  throw new CommandError(
    `${volume.metadata.name} is a volume of ${driver}, not of Mayastor`,
    'CoucheStor moves volumes of Mayastor only.',
  );
}
