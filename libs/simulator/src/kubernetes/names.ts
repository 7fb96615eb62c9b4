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
  const hex = (digits: number): string => Array.from({ length: digits }, () => below(16).toString(16)).join('');
  return {
    uid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${(8 + below(4)).toString(16)}${hex(3)}-${hex(12)}`,
    generate: (prefix) => prefix.slice(0, 58) + Array.from({ length: 5 }, () => alphabet[below(27)] ?? 'b').join(''),
  };
}
