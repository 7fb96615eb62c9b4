import { hash } from 'node:crypto';

/** JSON with sorted keys: equal data gives equal text. What JSON leaves out (undefined) is left out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value))
    return `[${value.map((item) => (item === undefined ? 'null' : canonicalJson(item))).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const parts: string[] = [];
  for (const [key, item] of Object.entries(value).sort(byKey)) {
    if (item !== undefined) parts.push(`${JSON.stringify(key)}:${canonicalJson(item)}`);
  }
  return `{${parts.join(',')}}`;
}

/** 132 bits of the SHA-256 of the canonical JSON, in base64url. */
export function digestOf(value: unknown): string {
  return digestOfText(canonicalJson(value));
}

function digestOfText(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22);
}

/**
 * The digest of texts many of which are equal: it is worked out once, and is one and the same in memory.
 * @param textsMax so many are known at a time; when there are more it begins anew
 */
export function createTextDigest(textsMax = 1_000): (text: string) => string {
  const digests = new Map<string, string>();
  return (text) => {
    const known = digests.get(text);
    if (known !== undefined) return known;
    if (digests.size >= textsMax) digests.clear();
    const digest = detached(digestOfText(text));
    digests.set(text, digest);
    return digest;
  };
}

/** A copy that stands alone: as a slice of a longer text it would keep all of that in memory. */
export function detached(text: string): string {
  return Buffer.from(text).toString();
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
