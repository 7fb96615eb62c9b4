import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { KubernetesAnswerError } from './errors.ts';

const inflate = promisify(gunzip);

/** All of a body; undefined if it is longer than `bytesMax`, in which case the connection is given up. */
export async function readBounded(body: Readable, bytesMax: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop destroys the stream.
    if (bytes > bytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The JSON value of a body, which may be compressed with gzip. @throws KubernetesAnswerError */
export async function readJson(
  body: Readable,
  encoding: string,
  bytesMax: number,
  operation: string,
): Promise<unknown> {
  const raw = await readBounded(body, bytesMax);
  if (raw === undefined) throw new KubernetesAnswerError(operation, `is longer than ${bytesMax} bytes`);
  try {
    const text = encoding === 'gzip' ? await inflate(raw, { maxOutputLength: bytesMax }) : raw;
    return JSON.parse(text.toString('utf8'));
  } catch (cause) {
    throw new KubernetesAnswerError(operation, 'is not JSON', { cause });
  }
}
