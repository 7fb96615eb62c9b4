/** What happened, for people; kept only where somebody will read it. */
export interface Story {
  readonly isTold: boolean;
  add(atMs: number, who: string, what: string): void;
  lines(): readonly string[];
  /** The same for two runs in which the same happened. */
  hash(): string;
}

/** Remembers nothing. */
export const noStory: Story = { isTold: false, add: () => undefined, lines: () => [], hash: () => '' };

export function createStory(hashOf: (text: string, start: number) => number, linesMax = 100_000): Story {
  const entries: (readonly [number, string, string])[] = [];
  let hash = 0;
  return {
    isTold: true,
    add: (atMs, who, what) => {
      hash = hashOf(`${atMs} ${who} ${what}\n`, hash === 0 ? 0x811c9dc5 : hash);
      entries.push([atMs, who, what]);
      if (entries.length > linesMax) entries.shift();
    },
    lines: () => entries.map(([atMs, who, what]) => `${clockOf(atMs)}  ${who.padEnd(14)} ${what}`),
    hash: () => hash.toString(16).padStart(8, '0'),
  };
}

function clockOf(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  return `${String(minutes).padStart(3)}:${((ms % 60_000) / 1_000).toFixed(3).padStart(6, '0')}`;
}
