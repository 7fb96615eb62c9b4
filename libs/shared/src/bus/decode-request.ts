import { decodeMessage, isTombstone, MalformedMessageError, type Message } from '../messages/index.ts';
import type { Request } from './requests.ts';

/** @throws MalformedMessageError */
export function decodeRequest(subject: string, bytes: Uint8Array): Request {
  const message = decodeMessage(subject, bytes);
  if (isTombstone(message) || !isRequest(message)) throw new MalformedMessageError(subject, 'it is not a request');
  return message;
}

function isRequest(message: Message): message is Request {
  return message.name === 'migration.requested';
}
