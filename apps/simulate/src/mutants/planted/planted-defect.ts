import type { AimedWorldName } from '../../aimed/index.ts';

interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** A mistake that somebody might make, put into the code that is bundled. */
export interface PlantedDefect extends Edit {
  readonly name: string;
  /** What is wrong with it, for people. */
  readonly says: string;
  /** What else belongs to it, where one guard stands behind another. */
  readonly also?: readonly Edit[];
  /** The kind of provoking world in which it should do harm soonest; tried first. */
  readonly world?: string;
  /** The seed, or the world made by hand, in which it was caught last; tried before anything else. */
  readonly caughtIn?: number | AimedWorldName;
}

export const editsOf = (defect: PlantedDefect): readonly Edit[] => [defect, ...(defect.also ?? [])];

/**
 * The text of a file with the defect in it; undefined if it has no part in that.
 *
 * @throws when the code has changed so that the defect cannot be planted as it was meant
 */
export function planted(file: string, text: string, defect: PlantedDefect): string | undefined {
  const edits = editsOf(defect).filter((edit) => edit.file === file);
  return edits.length === 0 ? undefined : edits.reduce((changed, edit) => edited(changed, edit, defect.name), text);
}

function edited(text: string, { file, find, replace }: Edit, name: string): string {
  const parts = text.split(find);
  if (parts.length !== 2) {
    throw new Error(`${name}: its text stands ${parts.length - 1} times in ${file}, not once; plant it anew`);
  }
  return parts.join(replace);
}
