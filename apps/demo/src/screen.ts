import type { DecisionMade } from '@couchestor/shared/messages';

/** One row of the table. */
export interface Row {
  readonly name: string;
  readonly iops: number;
  readonly tierNow: string;
  readonly tierWanted: string;
  /** 0 to 100 while a replica fills; undefined otherwise. */
  readonly rebuildPercent: number | undefined;
  readonly replicasMoved: number | undefined;
  readonly replicaCount: number;
  readonly reason: string;
}

export interface Screen {
  draw(rows: readonly Row[], headline: string): void;
  line(text: string): void;
  /** A line that stays in sight. */
  pin(text: string): void;
  close(): void;
}

const CLEAR = '\u001b[H\u001b[J';
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const BAR_CELLS = 16;

/** On a terminal a table that is drawn anew; elsewhere a line per change. */
export function createScreen(output: NodeJS.WriteStream, seconds: () => number): Screen {
  const isTerminal = output.isTTY;
  const pinned: string[] = [];
  const notes: string[] = [];
  const write = (text: string): void => {
    output.write(`${seconds().toFixed(1).padStart(7)}s  ${text}\n`);
  };
  if (isTerminal) output.write(HIDE_CURSOR);
  return {
    draw: (rows, headline) => {
      if (!isTerminal) return;
      const height = output.rows;
      const shown = rows.slice(0, Math.max(4, height - pinned.length - notes.length - 4));
      const more = rows.length > shown.length ? [`… and ${rows.length - shown.length} more`] : [];
      const width = output.columns;
      const lines = [...pinned, headline, header(), ...shown.map(formatRow), ...more, ...notes];
      output.write(CLEAR + lines.map((line) => line.slice(0, width)).join('\n'));
    },
    line: (text) => {
      if (isTerminal) {
        notes.push(text);
        while (notes.length > 8) notes.shift();
      } else {
        write(text);
      }
    },
    pin: (text) => {
      if (isTerminal) pinned.push(text);
      else write(text);
    },
    close: () => {
      if (isTerminal) output.write(`${SHOW_CURSOR}\n`);
    },
  };
}

function header(): string {
  return `${'VOLUME'.padEnd(14)}${'IOPS'.padStart(8)}  ${'NOW'.padEnd(6)}${'WANTED'.padEnd(7)}${'MOVE'.padEnd(BAR_CELLS + 10)}REASON`;
}

function formatRow(row: Row): string {
  const iops = Math.round(row.iops).toLocaleString('en-US');
  return [
    shortName(row.name).padEnd(14),
    iops.padStart(8),
    '  ',
    row.tierNow.padEnd(6),
    row.tierWanted.padEnd(7),
    moveCell(row).padEnd(BAR_CELLS + 10),
    row.reason,
  ].join('');
}

function moveCell({ replicasMoved, replicaCount, rebuildPercent }: Row): string {
  if (replicasMoved === undefined) return '';
  const filled = Math.round(((rebuildPercent ?? 0) / 100) * BAR_CELLS);
  return `${'█'.repeat(filled)}${'░'.repeat(BAR_CELLS - filled)} ${replicasMoved}/${replicaCount}`;
}

export function describeDecision(decision: DecisionMade): string {
  const { volumeName, tierNow, tierWanted, action, reason, score } = decision;
  const iops =
    score.kind === 'value' ? `${Math.round(score.iops).toLocaleString('en-US')} IOPS` : `unknown (${score.reason})`;
  const way = action === 'move' ? `${tierNow} → ${tierWanted ?? '?'}` : `stays ${tierNow}`;
  return `${shortName(volumeName)}  ${iops}  ${way}  ${reason}`;
}

export function shortName(name: string): string {
  return name.startsWith('pvc-') ? name.slice(0, 12) : name;
}
