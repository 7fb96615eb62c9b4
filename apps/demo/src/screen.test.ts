import { expect, test } from 'vitest';
import { createScreen, type Row } from './screen.ts';

const row: Row = {
  name: 'pvc-0123456789',
  iops: 12_345.6,
  tierNow: 'cold',
  tierWanted: 'hot',
  rebuildPercent: 50,
  replicasMoved: 1,
  replicaCount: 3,
  reason: 'AlreadyMoving',
};

function outputOf(isTTY: boolean): { readonly text: () => string; readonly stream: NodeJS.WriteStream } {
  let written = '';
  const stream = {
    isTTY,
    rows: 24,
    columns: 120,
    write: (text: string) => {
      written += text;
      return true;
    },
  } as NodeJS.WriteStream;
  return { text: () => written, stream };
}

test('a terminal shows a table with progress below the addresses, which stay in sight', () => {
  const { text, stream } = outputOf(true);
  const screen = createScreen(stream, () => 0);
  screen.pin('NATS nats://127.0.0.1:4222');
  for (let index = 0; index < 50; index += 1) screen.line(`note ${index}`);
  screen.draw([row], 'headline');
  const frame = text().split('\u001b[J').at(-1) ?? '';
  expect(frame).toContain('NATS nats://127.0.0.1:4222');
  expect(frame).toContain('pvc-01234567    12,346  cold  hot    ████████░░░░░░░░ 1/3');
  expect(frame).toContain('note 49');
  expect(frame).not.toContain('note 40');
});

test('elsewhere there is a line per change, with its time', () => {
  const { text, stream } = outputOf(false);
  const screen = createScreen(stream, () => 1.25);
  screen.pin('address');
  screen.draw([row], 'headline');
  screen.line('change');
  expect(text()).toBe('    1.3s  address\n    1.3s  change\n');
});
