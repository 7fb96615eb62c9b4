import type { VolumeObserved } from '@couchestor/shared/messages';
import type { PersistentVolumeObject, VolumeReading } from './objects.ts';
import { same } from './same.ts';
import type { Sighting } from './sightings.ts';

/** A deletion can hide one volume from a pass over Mayastor's pages, so one absence proves nothing. */
const ABSENCES_UNTIL_GONE = 2;

interface Entry {
  reading: VolumeReading | undefined;
  /** Number of the pass that last showed the volume. */
  seenInPass: number;
  absences: number;
  persistentVolume: PersistentVolumeObject | undefined;
  /** Further PersistentVolumes of the same volume, which only a person can have made. */
  others: PersistentVolumeObject[] | undefined;
}

/** Every volume as Mayastor and Kubernetes show it together. Methods that take news answer whether anything changed. */
export class VolumeInventory {
  readonly #entries = new Map<string, Entry>();
  #pass = 0;

  get size(): number {
    return this.#entries.size;
  }

  ids(): IterableIterator<string> {
    return this.#entries.keys();
  }

  reading(volumeId: string): VolumeReading | undefined {
    return this.#entries.get(volumeId)?.reading;
  }

  persistentVolume(volumeId: string): PersistentVolumeObject | undefined {
    return this.#entries.get(volumeId)?.persistentVolume;
  }

  /** Absent if Mayastor does not have the volume: a PersistentVolume alone is nothing that could move. */
  fact(volumeId: string): Sighting<VolumeObserved> {
    const entry = this.#entries.get(volumeId);
    if (entry === undefined) return { kind: 'absent' };
    const { reading, persistentVolume, absences } = entry;
    if (reading === undefined) return { kind: absences < ABSENCES_UNTIL_GONE ? 'unproven' : 'absent' };
    const value = persistentVolume === undefined ? reading : { ...reading, persistentVolume: persistentVolume.view };
    return { kind: 'present', value };
  }

  /** Somebody says that there is such a volume; if no pass shows it, it is gone. */
  expect(volumeId: string): void {
    this.#entryOf(volumeId);
  }

  beginPass(): void {
    this.#pass += 1;
  }

  setReading(reading: VolumeReading): boolean {
    const entry = this.#entryOf(reading.volumeId);
    entry.seenInPass = this.#pass;
    entry.absences = 0;
    if (entry.reading !== undefined && same(entry.reading, reading)) return false;
    entry.reading = reading;
    return true;
  }

  /**
   * Mayastor itself said that this volume does not exist, which counts like an absence from one pass.
   * @returns whether it is gone by that
   */
  missed(volumeId: string): boolean {
    const entry = this.#entries.get(volumeId);
    if (entry === undefined || entry.absences >= ABSENCES_UNTIL_GONE) return false;
    entry.absences += 1;
    if (entry.absences < ABSENCES_UNTIL_GONE) return false;
    entry.reading = undefined;
    this.#dropIfEmpty(volumeId, entry);
    return true;
  }

  /** To be called only after every page was read; answers the volumes that are gone. */
  endPass(): string[] {
    const gone: string[] = [];
    for (const [volumeId, entry] of this.#entries) {
      if (entry.seenInPass !== this.#pass && this.missed(volumeId)) gone.push(volumeId);
    }
    return gone;
  }

  setPersistentVolume(persistentVolume: PersistentVolumeObject): boolean {
    const entry = this.#entryOf(persistentVolume.volumeId);
    const before = entry.persistentVolume;
    const others = [...(entry.others ?? []), ...(before === undefined ? [] : [before])].filter(
      ({ view }) => view.uid !== persistentVolume.view.uid,
    );
    return this.#choose(entry, [...others, persistentVolume]);
  }

  removePersistentVolume({ volumeId, view: { uid } }: PersistentVolumeObject): boolean {
    const entry = this.#entries.get(volumeId);
    if (entry?.persistentVolume === undefined) return false;
    const left = [entry.persistentVolume, ...(entry.others ?? [])].filter(({ view }) => view.uid !== uid);
    const changed = this.#choose(entry, left);
    this.#dropIfEmpty(volumeId, entry);
    return changed;
  }

  /** Of several PersistentVolumes a bound one counts, else the oldest, so that every watcher takes the same. */
  #choose(entry: Entry, candidates: PersistentVolumeObject[]): boolean {
    const before = entry.persistentVolume;
    const [chosen, ...others] =
      candidates.length < 2
        ? candidates
        : candidates.sort(
            (a, b) =>
              Number(b.view.phase === 'Bound') - Number(a.view.phase === 'Bound') ||
              a.createdAtMs - b.createdAtMs ||
              (a.view.uid < b.view.uid ? -1 : 1),
          );
    entry.persistentVolume = chosen;
    entry.others = others.length === 0 ? undefined : others;
    return !same(before, chosen);
  }

  #entryOf(volumeId: string): Entry {
    let entry = this.#entries.get(volumeId);
    if (entry === undefined) {
      entry = { reading: undefined, seenInPass: 0, absences: 0, persistentVolume: undefined, others: undefined };
      this.#entries.set(volumeId, entry);
    }
    return entry;
  }

  #dropIfEmpty(volumeId: string, { reading, persistentVolume, absences }: Entry): void {
    if (reading !== undefined || persistentVolume !== undefined || absences < ABSENCES_UNTIL_GONE) return;
    this.#entries.delete(volumeId);
  }
}
