const LINES_KEPT_MAX = 20;

/** Follows the log of a starting server until it says that it serves. */
export interface LogWatch {
  readonly onLine: (line: string) => void;
  /** Forgets what was logged, before a restart. */
  reset(): void;
  /** Whether the line has come since the last reset; otherwise `seen` is called when it comes. */
  whenReady(seen: () => void): void;
  /** The newest lines as one, for an error message. */
  tail(): string;
}

export function createLogWatch(readyLine: RegExp): LogWatch {
  let lines: readonly string[] = [];
  let isReady = false;
  let onReady: () => void = () => undefined;
  return {
    onLine: (line) => {
      lines = [...lines.slice(1 - LINES_KEPT_MAX), line];
      if (isReady || !readyLine.test(line)) return;
      isReady = true;
      onReady();
    },
    reset: () => {
      lines = [];
      isReady = false;
    },
    whenReady: (seen) => {
      if (isReady) seen();
      else onReady = seen;
    },
    tail: () => lines.filter((line) => line.trim() !== '').join(' | ') || 'no output',
  };
}
