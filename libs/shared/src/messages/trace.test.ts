import { describe, expect, it } from 'vitest';
import { childSpan, formatTraceparent, parseTraceparent, startTrace } from './trace.ts';

describe('a trace', () => {
  let next = 0;
  const hex = (bytes: number): string => (next += 1).toString(16).padStart(bytes * 2, '0');

  it('goes through a message and comes out the same', () => {
    const trace = startTrace(hex);
    expect(formatTraceparent(trace)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(parseTraceparent(formatTraceparent(trace))).toEqual(trace);
  });

  it('keeps its id in each further span', () => {
    const parent = startTrace(hex);
    const child = childSpan(parent, hex);
    expect(child.traceId).toBe(parent.traceId);
    expect(child.spanId).not.toBe(parent.spanId);
  });

  it('is none if it is missing or not in this form', () => {
    for (const text of [undefined, '', '00-abc-def-01', `01-${'0'.repeat(32)}-${'0'.repeat(16)}-01`]) {
      expect(parseTraceparent(text)).toBeUndefined();
    }
  });
});
