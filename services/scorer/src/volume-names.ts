import type { Steps } from './core/steps.ts';
import type { ObservedWorld } from './ports.ts';

type Volumes = ObservedWorld['volumes'];

const NAME_PREFIX = 'pvc-';
/** As many volumes as are looked at in one step. */
const STEP = 1_000;

/**
 * The volume that a label value names. Exporters say `pvc-<volume id>`; what people record may say the volume's id, or the
 * name of its PersistentVolume.
 */
export function* namingVolumes(volumes: Volumes): Steps<(label: string) => string> {
  const ids = yield* idsByName(volumes);
  return (label) => {
    const volumeId = label.startsWith(NAME_PREFIX) ? label.slice(NAME_PREFIX.length) : label;
    // A PersistentVolume made by hand may have the name that the exporter gives to another volume.
    const known = volumes.get(volumeId);
    // In the words of the fact, so that nothing keeps the text of an answer, and the two are found to be equal at once.
    return known?.data.volumeId ?? ids.get(label) ?? volumeId;
  };
}

/** Of the PersistentVolumes whose names do not say the volume's id, which are few. */
function* idsByName(volumes: Volumes): Steps<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>();
  let looked = 0;
  for (const { data } of volumes.values()) {
    const { volumeId, persistentVolume } = data;
    const name = persistentVolume?.name;
    if (name !== undefined && !isNamedAfter(name, volumeId)) ids.set(name, volumeId);
    looked += 1;
    if (looked % STEP === 0) yield;
  }
  return ids;
}

/** Whether a PersistentVolume has the name that the CSI driver gives to that of the volume. */
export function isNamedAfter(name: string, volumeId: string): boolean {
  return (
    name.length === NAME_PREFIX.length + volumeId.length && name.startsWith(NAME_PREFIX) && name.endsWith(volumeId)
  );
}
