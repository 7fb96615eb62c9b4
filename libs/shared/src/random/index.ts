export { mixed, seededRandom, type Random } from './seeded-random.ts';
