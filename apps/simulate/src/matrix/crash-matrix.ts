import { runMatrixCell } from './matrix-cell.ts';
import { matrixFaults, matrixShapes, type MatrixFault, type MatrixShape } from './matrix-shapes.ts';

/** All that the faults came to, by call. */
export interface CrashMatrix {
  readonly shape: string;
  /** Faults tried at a call of this kind, and those of them after which something was not as it should be. */
  readonly rows: ReadonlyMap<string, Readonly<Record<MatrixFault, { readonly runs: number; readonly wrong: number }>>>;
  readonly runs: number;
  readonly wrongs: readonly {
    readonly call: string;
    readonly nth: number;
    readonly fault: MatrixFault;
    readonly wrongs: readonly string[];
  }[];
}

/** Every fault at every call that the move makes, `step` calls apart. */
export async function runCrashMatrix(shape: MatrixShape, step = 1, first = 1): Promise<CrashMatrix> {
  const rows = new Map<string, Record<MatrixFault, { runs: number; wrong: number }>>();
  const wrongs: { call: string; nth: number; fault: MatrixFault; wrongs: readonly string[] }[] = [];
  let runs = 0;
  for (let nth = first; ; nth += step) {
    let isBeyond = false;
    for (const fault of matrixFaults) {
      const run = await runMatrixCell(shape, nth, fault);
      if (run.call === undefined) {
        isBeyond = true;
        break;
      }
      const row = rows.get(run.call) ?? emptyRow();
      rows.set(run.call, row);
      row[fault].runs += 1;
      runs += 1;
      if (run.wrongs.length === 0) continue;
      row[fault].wrong += 1;
      wrongs.push({ call: run.call, nth, fault, wrongs: run.wrongs });
    }
    if (isBeyond) return { shape: shape.name, rows, runs, wrongs };
  }
}

function emptyRow(): Record<MatrixFault, { runs: number; wrong: number }> {
  const cell = () => ({ runs: 0, wrong: 0 });
  return {
    'crash before': cell(),
    'crash after': cell(),
    'time-out, done': cell(),
    'time-out, done later': cell(),
    'time-out, not done': cell(),
    'delivered twice': cell(),
    'stale read': cell(),
    refused: cell(),
  };
}

/** A table for people: how often each fault was tried, and `!` with the number of times that something was wrong. */
function crashMatrixTable({ shape, rows, runs, wrongs }: CrashMatrix): string {
  const names = [...rows.keys()].sort();
  const width = Math.max(...names.map((name) => name.length));
  const lines = names.map((name) => {
    const cells = matrixFaults.map((fault) => {
      const { runs: tried = 0, wrong = 0 } = rows.get(name)?.[fault] ?? {};
      return (wrong > 0 ? `${tried} !${wrong}` : `${tried}`).padStart(fault.length);
    });
    return `${name.padEnd(width)}  ${cells.join('  ')}`;
  });
  const told = wrongs.map(
    ({ call, nth, fault, wrongs: what }) => `  call ${nth}, ${call}, ${fault}: ${what.join('; ')}`,
  );
  return [
    `A move ${shape}: ${runs} runs, ${wrongs.length} with something wrong`,
    `${' '.repeat(width)}  ${matrixFaults.join('  ')}`,
    ...lines,
    ...told,
  ].join('\n');
}

/** `npm run simulate -- --matrix`: every shape of move whole. False if a cell is wrong, or was not tried. */
export async function printCrashMatrix(say: (text: string) => void): Promise<boolean> {
  let runs = 0;
  let wrong = 0;
  let untried = 0;
  for (const shape of matrixShapes) {
    const matrix = await runCrashMatrix(shape);
    runs += matrix.runs;
    wrong += matrix.wrongs.length;
    for (const row of matrix.rows.values()) for (const fault of matrixFaults) if (row[fault].runs === 0) untried += 1;
    say(`${crashMatrixTable(matrix)}\n`);
  }
  say(`${runs} runs, ${wrong} with something wrong, ${untried} cells not tried`);
  return wrong === 0 && untried === 0;
}
