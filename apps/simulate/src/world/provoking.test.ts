import { expect, test } from 'vitest';
import { createPeople } from '../people.ts';
import { profileOf } from './profile-of.ts';
import { isProvoking, provocations, provokingSeed } from './provoking.ts';
import { createWorld, nobody } from './world.ts';

test.each(Object.keys(provocations))('%s: its seeds have such worlds, and people know what to do in them', (kind) => {
  const seed = provokingSeed(kind, 1);
  expect(isProvoking(seed)).toBe(true);
  const profile = profileOf(seed);
  expect(profile.emphasis).toBeDefined();
  expect(profileOf(provokingSeed(kind, 2)).emphasis).toEqual(profile.emphasis);
  const world = createWorld({ seed, profile, only: undefined, observer: nobody });
  const nothing = (): void => undefined;
  expect(() => createPeople(world, nothing, nothing, () => [])).not.toThrow();
  const strange = { ...profile, emphasis: { deeds: ['a person flies'] } };
  const other = createWorld({ seed, profile: strange, only: undefined, observer: nobody });
  expect(() => createPeople(other, nothing, nothing, () => [])).toThrow('a person flies');
});

test('one seed of sixteen is provoking, and the others are as they were', () => {
  const seeds = Array.from({ length: 320 }, (_, seed) => seed);
  expect(seeds.filter(isProvoking)).toHaveLength(20);
  expect(seeds.filter((seed) => profileOf(seed).emphasis !== undefined)).toEqual(seeds.filter(isProvoking));
});
