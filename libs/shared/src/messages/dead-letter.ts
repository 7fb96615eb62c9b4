import { z } from 'zod';

/** What is kept of the bytes; a letter must fit into a message, and its beginning tells what it was. */
export const DEAD_LETTER_BYTES_MAX = 64 * 1024;

/** A record of COUCHESTOR_DEAD: a message that could not be read, or that nothing could be done with. */
export const deadLetterSchema = z.object({
  service: z.string(),
  time: z.iso.datetime({ offset: true }),
  /** Where it was found. */
  subject: z.string(),
  stream: z.string().optional(),
  sequence: z.int().min(1).optional(),
  /** A sentence for people. */
  problem: z.string(),
  /** Size of the whole message. */
  sizeBytes: z.int().min(0),
  truncated: z.boolean(),
  /** The first 64 KiB. */
  base64: z.base64(),
});
export type StoredDeadLetter = z.infer<typeof deadLetterSchema>;
