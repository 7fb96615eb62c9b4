/** Writes docs/asyncapi.yaml from the message schemas: `node tools/asyncapi.ts`. */
import { writeFile } from 'node:fs/promises';
import { formatAsyncapi } from '../libs/shared/src/messages/asyncapi.ts';

await writeFile(new URL('../docs/asyncapi.yaml', import.meta.url), formatAsyncapi());
