import { expect, test } from 'vitest';
import { createSharedText } from './shared-text.ts';

test('a text is answered as it is, however many there are', () => {
  const shared = createSharedText();
  const texts = Array.from({ length: 60_000 }, (_, number) => `node-${number}`);
  const differ = [...texts, ...texts].filter((text) => shared(text) !== text);
  expect(differ).toEqual([]);
});
