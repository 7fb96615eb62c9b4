import { crashMatrixTable, matrixShapes, runCrashMatrix } from './crash-matrix.ts';

/** Prints the crash matrix of every shape of move; exits with 1 if a cell of it is wrong. */
let wrong = 0;
for (const shape of matrixShapes) {
  const matrix = await runCrashMatrix(shape);
  wrong += matrix.wrongs.length;
  process.stdout.write(`${crashMatrixTable(matrix)}\n\n`);
}
process.exitCode = wrong === 0 ? 0 : 1;
