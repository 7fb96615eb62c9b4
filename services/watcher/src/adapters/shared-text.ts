/** More different names than a cluster has are no names that repeat. */
const TEXTS_MAX = 50_000;

/**
 * Answers equal texts with one and the same string. JSON gives each of 100,000 volumes its own copy of the name of its
 * node, and these are tens of megabytes.
 */
export function createSharedText(): (text: string) => string {
  const texts = new Map<string, string>();
  return (text) => {
    const known = texts.get(text);
    if (known !== undefined) return known;
    if (texts.size >= TEXTS_MAX) texts.clear();
    texts.set(text, text);
    return text;
  };
}
