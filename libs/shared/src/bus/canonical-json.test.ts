import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, createTextDigest, digestOf } from './canonical-json.ts';

describe('canonicalJson', () => {
  it('is the same for the same data, however its keys are ordered', () => {
    expect(canonicalJson({ b: [1, { d: 'x', c: null }], a: true })).toBe('{"a":true,"b":[1,{"c":null,"d":"x"}]}');
    expect(canonicalJson({ a: true, b: [1, { c: null, d: 'x' }] })).toBe(
      canonicalJson({ b: [1, { d: 'x', c: null }], a: true }),
    );
  });

  it('leaves out what JSON leaves out', () => {
    expect(canonicalJson({ a: undefined, b: [undefined, 1] })).toBe('{"b":[null,1]}');
    expect(canonicalJson(undefined)).toBe('null');
  });

  it('is JSON that says the same', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const parsed: unknown = JSON.parse(canonicalJson(value));
        expect(parsed).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('digestOf', () => {
  it('tells apart what differs anywhere', () => {
    const digests = [{ a: 1 }, { a: 2 }, { a: '1' }, { b: 1 }, { a: [1] }, {}, null].map(digestOf);
    expect(new Set(digests).size).toBe(digests.length);
    expect(digestOf({ a: 1, b: 2 })).toBe(digestOf({ b: 2, a: 1 }));
    expect(digests[0]).toMatch(/^[\w-]{22}$/);
  });
});

describe('the digest of texts', () => {
  it('is that of any text, also where there are more than it knows', () => {
    const [digest, few] = [createTextDigest(), createTextDigest(2)];
    const texts = ['a', 'b', 'c', 'a', 'b', ''];
    expect(texts.map(few)).toEqual(texts.map(digest));
    expect(new Set(texts.map(digest)).size).toBe(4);
    expect(digest('a')).toMatch(/^[\w-]{22}$/);
  });
});
