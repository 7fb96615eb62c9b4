import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { JsonObject } from './json.ts';

/** A stand-in for the DiskPool definition that Mayastor installs. */
export function readDiskPoolCrd(): JsonObject {
  return parse(readFileSync(new URL('diskpools.yaml', import.meta.url), 'utf8')) as JsonObject;
}
