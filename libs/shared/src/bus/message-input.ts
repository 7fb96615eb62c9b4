import type { z } from 'zod';
import type { catalog, MessageName } from '../messages/index.ts';

/** What a sender passes: fields with defaults may be left out. */
export type MessageInput<N extends MessageName> = z.input<(typeof catalog)[N]['schema']>;
