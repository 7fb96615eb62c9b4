import {
  decodeMessage,
  encodeMessage,
  subjectOf,
  type Message,
  type MessageData,
  type MessageName,
  type SubjectToken,
} from '@couchestor/shared/messages';

/** What of a message its sender says. */
interface Head {
  readonly id: string;
  readonly source: string;
  readonly timeMs: number;
  readonly traceparent?: string;
}

/** Makes the message that arrives of what is sent. */
export type Carry = <N extends MessageName>(name: N, id: SubjectToken, head: Head, data: MessageData<N>) => Message<N>;

/** As the real bus does: through its schema, into bytes and back. */
export const throughBytes: Carry = (name, id, head, data) =>
  decodeMessage(subjectOf(name, id), encodeMessage(name, id, head, data as never)) as Message<typeof name>;

/** For worlds that count on what the tests of messages have shown. What is sent must not be changed afterwards. */
export const asItIs: Carry = (name, id, { timeMs, ...head }, data) => ({
  name,
  subject: subjectOf(name, id),
  ...head,
  time: new Date(timeMs).toISOString(),
  data,
});
