import { describe, expect, it } from 'vitest';
import { createMirror } from './mirror.ts';

describe('a mirror', () => {
  const record = () => {
    const changes: [string, number | undefined, number | undefined][] = [];
    const mirror = createMirror<number>((id, next, previous) => changes.push([id, next, previous]));
    return { mirror, changes };
  };

  it('reports each change after it has it', () => {
    const { mirror, changes } = record();
    mirror.set('a', 1);
    mirror.set('a', 2);
    mirror.delete('a');
    mirror.delete('never-there');
    expect(changes).toEqual([
      ['a', 1, undefined],
      ['a', 2, 1],
      ['a', undefined, 2],
    ]);
    expect(mirror.entries.size).toBe(0);
  });

  it('keeps old entries while it is read anew, and drops those that did not come back', () => {
    const { mirror, changes } = record();
    mirror.set('kept', 1);
    mirror.set('gone', 1);
    mirror.set('deleted', 1);
    changes.length = 0;
    mirror.startOver();
    expect(mirror.entries.size).toBe(3);
    mirror.set('kept', 1);
    mirror.set('new', 1);
    mirror.delete('deleted');
    expect(mirror.entries.get('gone')).toBe(1);
    mirror.finish();
    expect([...mirror.entries.keys()].sort()).toEqual(['kept', 'new']);
    expect(changes).toEqual([
      ['kept', 1, 1],
      ['new', 1, undefined],
      ['deleted', undefined, 1],
      ['gone', undefined, 1],
    ]);
    mirror.finish();
    expect(mirror.entries.size).toBe(2);
  });
});
