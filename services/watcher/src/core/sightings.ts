export type Sighting<T> =
  | { readonly kind: 'present'; readonly value: T }
  /** Missing from as many reads as it takes to believe it. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'unproven' };

/** After a restart Mayastor may answer before it has met all of its nodes again. */
const ABSENCES_UNTIL_GONE = 2;

/** Things that Mayastor lists whole, by name. One that is missing from a single read is shown as it was before. */
export class Sightings<T> {
  readonly #values = new Map<string, { readonly value: T; absences: number }>();
  #reads = 0;

  /** Takes a complete read. */
  setAll(read: ReadonlyMap<string, T>): void {
    this.#reads += 1;
    for (const [name, value] of read) this.#values.set(name, { value, absences: 0 });
    for (const [name, entry] of this.#values) {
      if (read.has(name)) continue;
      entry.absences += 1;
      if (entry.absences >= ABSENCES_UNTIL_GONE) this.#values.delete(name);
    }
  }

  /** Whether enough reads were taken to say of anything that it is absent. */
  get isProven(): boolean {
    return this.#reads >= ABSENCES_UNTIL_GONE;
  }

  look(name: string): Sighting<T> {
    const entry = this.#values.get(name);
    if (entry !== undefined) return { kind: 'present', value: entry.value };
    return this.isProven ? { kind: 'absent' } : { kind: 'unproven' };
  }

  *entries(): IterableIterator<[string, T]> {
    for (const [name, { value }] of this.#values) yield [name, value];
  }

  *values(): IterableIterator<T> {
    for (const { value } of this.#values.values()) yield value;
  }
}
