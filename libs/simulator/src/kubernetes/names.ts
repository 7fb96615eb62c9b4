/** Identities that the server gives, from a source of randomness, so that a seed gives the same world again. */
export interface Names {
  readonly uid: () => string;
  /** The prefix with five letters after it, as `generateName` asks for. */
  readonly generate: (prefix: string) => string;
}

/** Kubernetes leaves out vowels and look-alikes. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** `random` gives numbers from 0 up to, not including, 1. */
export function createNames(random: () => number): Names {
  const below = (limit: number): number => Math.floor(random() * limit);
  // In pieces of 16 bits, for not every source of randomness fills the 48 bits of the longest part.
  const hex = (): string => below(0x1_0000).toString(16).padStart(4, '0');
  return {
    uid: () => {
      const variant = (8 + below(4)).toString(16);
      return `${hex()}${hex()}-${hex()}-4${hex().slice(1)}-${variant}${hex().slice(1)}-${hex()}${hex()}${hex()}`;
    },
    generate: (prefix) => prefix.slice(0, 58) + Array.from({ length: 5 }, () => alphabet[below(27)] ?? 'b').join(''),
  };
}
