import { describe, expect, it } from 'vitest';
import { catalog, messageNames } from './catalog.ts';
import { buckets, streams, type StreamDefinition } from './streams.ts';
import { deadLetterSubject, idOfSubject, subjectFilterOf, subjectOf, subjectToken } from './subjects.ts';

describe('a subject token', () => {
  it('is one token, so that nothing gets into a subject that has a meaning there', () => {
    for (const good of ['a', 'A-1_b', '3f9b1a52-6c1d-4a0e-9a3c-0d6f6f5f0a11', 'x'.repeat(128)]) {
      expect(subjectToken(good)).toBe(good);
    }
    for (const bad of ['', 'a.b', '*', '>', 'a b', 'ä', 'a\n', 'x'.repeat(129)]) {
      expect(() => subjectToken(bad)).toThrow(TypeError);
    }
  });
});

describe('subjects', () => {
  it('are made of the name and the id, and give the id back', () => {
    const subject = subjectOf('migration.replica-added', subjectToken('m1'));
    expect(subject).toBe('couchestor.v1.migration.replica-added.m1');
    expect(idOfSubject(subject)).toBe('m1');
    expect(deadLetterSubject('scorer')).toBe('couchestor.dead.v1.scorer');
  });

  it('belong to exactly one stream each', () => {
    const all = Object.values(streams).flatMap(({ subjects }) => subjects);
    expect(new Set(all).size).toBe(all.length);
    for (const name of messageNames) {
      const holders = Object.values<StreamDefinition>(streams).filter(({ subjects }) =>
        subjects.includes(subjectFilterOf(name)),
      );
      expect(holders.map((stream) => stream.name)).toEqual([catalog[name].stream]);
    }
  });

  it('stay out of Mayastor’s own', () => {
    for (const { subjects } of Object.values(streams)) {
      for (const subject of subjects) expect(subject).toMatch(/^couchestor\.(dead\.)?v1\./);
    }
  });
});

describe('streams', () => {
  it('have short names without dots, and bounds', () => {
    for (const { name, maxBytes } of [...Object.values(streams), ...Object.values(buckets)]) {
      expect(name).toMatch(/^[A-Za-z_-]{1,31}$/);
      expect(maxBytes).toBeGreaterThan(0);
    }
  });
});
