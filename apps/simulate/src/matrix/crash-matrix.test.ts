import { expect, test } from 'vitest';
import { runCrashMatrix } from './crash-matrix.ts';
import { matrixFaults, matrixShapes } from './matrix-shapes.ts';

/** `npm run simulate -- --matrix` tries all of them at every call, and prints the tables. */
const [, exhaustive, ...sampled] = matrixShapes;

test('whatever happens to one call that a move makes, the move ends as it should and leaves nothing', async () => {
  expect(exhaustive).toBeDefined();
  if (exhaustive === undefined) return;
  const matrix = await runCrashMatrix(exhaustive);
  expect(matrix.wrongs).toEqual([]);
  // A move that made no calls would prove nothing.
  expect(matrix.runs).toBeGreaterThan(500);
  expect([...matrix.rows.keys()]).toEqual(
    expect.arrayContaining([
      'DELETE cordon of a node',
      'DELETE cordon of a pool',
      'GET specs',
      'GET volume',
      'PUT cordon of a node',
      'PUT cordon of a pool',
      'PUT replica count',
      'nats create',
      'nats publish',
      'nats update',
      'probe for idle',
      'redis acquireFence',
      'redis acquireHolds',
      'redis acquireOwnership',
      'redis swapHolds',
    ]),
  );
  for (const row of matrix.rows.values()) for (const fault of matrixFaults) expect(row[fault].runs).toBeGreaterThan(0);
}, 180_000);

test.each(sampled)(
  'so does a move $name, at every seventh call',
  async (shape) => {
    const matrix = await runCrashMatrix(shape, 7);
    expect(matrix.wrongs).toEqual([]);
    expect(matrix.runs).toBeGreaterThan(100);
  },
  180_000,
);
