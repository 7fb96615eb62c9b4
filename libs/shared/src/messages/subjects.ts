import type { MessageName } from './catalog.ts';

/** One token of a subject: no dot, blank or wildcard can get into it. */
export type SubjectToken = string & { readonly __brand: 'SubjectToken' };

const PREFIX = 'couchestor.v1';

/** @throws TypeError if the value could not be one token of a subject. */
export function subjectToken(value: string): SubjectToken {
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(value)) throw new TypeError(`not a NATS subject token: ${JSON.stringify(value)}`);
  return value as SubjectToken;
}

export function subjectOf(name: MessageName, id: SubjectToken): string {
  return `${PREFIX}.${name}.${id}`;
}

/** Every subject of one kind of message. */
export function subjectFilterOf(name: MessageName): string {
  return `${PREFIX}.${name}.*`;
}

/** The last token of a subject: the id of what the message is about. */
export function idOfSubject(subject: string): string {
  return subject.slice(subject.lastIndexOf('.') + 1);
}

export const deadLetterSubject = (service: string): string => `couchestor.dead.v1.${subjectToken(service)}`;
