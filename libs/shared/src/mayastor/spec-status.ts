import { wordReader } from './json-fields.ts';

/** Life of an object in Mayastor's own store. */
export type SpecStatus = 'Creating' | 'Created' | 'Deleting' | 'Deleted' | 'Unknown';

export const specStatus = wordReader(['Creating', 'Created', 'Deleting', 'Deleted']);
