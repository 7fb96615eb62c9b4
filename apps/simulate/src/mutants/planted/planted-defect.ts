/** A mistake that somebody might make, put into the code that is bundled. */
export interface PlantedDefect {
  readonly name: string;
  /** What is wrong with it, for people. */
  readonly says: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** The kind of provoking world in which it should do harm soonest; tried first. */
  readonly world?: string;
}

/** @throws when the code has changed so that the defect cannot be planted as it was meant */
export function planted(text: string, { name, file, find, replace }: PlantedDefect): string {
  const parts = text.split(find);
  if (parts.length !== 2) {
    throw new Error(`${name}: its text stands ${parts.length - 1} times in ${file}, not once; plant it anew`);
  }
  return parts.join(replace);
}
