import type { Json, JsonObject } from './json.ts';

/** Why one field was refused; `type` is the API's cause reason. */
export interface FieldError {
  readonly field: string;
  readonly type:
    | 'FieldValueInvalid'
    | 'FieldValueTypeInvalid'
    | 'FieldValueRequired'
    | 'FieldValueDuplicate'
    | 'FieldValueNotSupported'
    | 'FieldValueForbidden'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany';
  /** The value as the message shows it, for example `"x"` or `5`. */
  readonly shown?: string;
  readonly detail: string;
}

/** What a resource is called in error bodies; `kind` is the plural, except in validation errors. */
export interface ErrorSubject {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

interface StatusBody {
  readonly code: number;
  readonly message: string;
  readonly reason?: string;
  readonly details?: JsonObject;
  readonly metadata?: JsonObject;
}

/** A request that the API server refuses; `status` is the body that it answers with. */
export class ApiError extends Error {
  readonly code: number;
  readonly status: JsonObject;

  constructor(body: StatusBody) {
    super(body.message);
    this.name = 'ApiError';
    this.code = body.code;
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: body.metadata ?? {},
      status: 'Failure',
      message: body.message,
      ...(body.reason === undefined ? {} : { reason: body.reason }),
      ...(body.details === undefined ? {} : { details: body.details }),
      code: body.code,
    };
  }
}

function detailsOf({ name, group, kind }: ErrorSubject): JsonObject {
  return { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind };
}

function qualified({ group, kind }: ErrorSubject): string {
  return group === '' ? kind : `${kind}.${group}`;
}

export function badRequest(message: string): ApiError {
  return new ApiError({ code: 400, reason: 'BadRequest', message });
}

export function notFound(subject: ErrorSubject): ApiError {
  return new ApiError({
    code: 404,
    reason: 'NotFound',
    message: `${qualified(subject)} "${subject.name}" not found`,
    details: detailsOf(subject),
  });
}

export function alreadyExists(subject: ErrorSubject): ApiError {
  return new ApiError({
    code: 409,
    reason: 'AlreadyExists',
    message: `${qualified(subject)} "${subject.name}" already exists`,
    details: detailsOf(subject),
  });
}

export function conflict(
  subject: ErrorSubject,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
): ApiError {
  return new ApiError({
    code: 409,
    reason: 'Conflict',
    message: `Operation cannot be fulfilled on ${qualified(subject)} "${subject.name}": ${why}`,
    details: detailsOf(subject),
  });
}

/** Server-side apply met fields that others own. */
export function applyConflict(conflicts: readonly { readonly with: string; readonly field: string }[]): ApiError {
  const managers = new Map<string, string[]>();
  for (const { with: owner, field } of conflicts) managers.set(owner, [...(managers.get(owner) ?? []), field]);
  const lines = [...managers].map(([owner, fields]) =>
    fields.length === 1
      ? `conflict with ${owner}: ${fields[0]}`
      : `conflicts with ${owner}:\n${fields.map((field) => `- ${field}`).join('\n')}`,
  );
  return new ApiError({
    code: 409,
    reason: 'Conflict',
    message: `Apply failed with ${conflicts.length} ${conflicts.length === 1 ? 'conflict' : 'conflicts'}: ${lines.join('\n')}`,
    details: {
      causes: conflicts.map(({ with: owner, field }) => ({
        reason: 'FieldManagerConflict',
        message: `conflict with ${owner}`,
        field,
      })),
    },
  });
}

/** The resource version is no longer in the history that the server keeps. */
export function gone(message: string, metadata: JsonObject = {}): ApiError {
  return new ApiError({ code: 410, reason: 'Expired', message, metadata });
}

export function methodNotAllowed(subject: ErrorSubject): ApiError {
  return new ApiError({
    code: 405,
    reason: 'MethodNotAllowed',
    message: 'the server does not allow this method on the requested resource',
    details: detailsOf({ ...subject, name: '' }),
  });
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  return new ApiError({
    code: 415,
    reason: 'UnsupportedMediaType',
    message: `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  });
}

/** The caller asks for a state that the server has not reached. */
export function resourceVersionTooLarge(asked: string, current: number): ApiError {
  return new ApiError({
    code: 504,
    reason: 'Timeout',
    message: `Timeout: Too large resource version: ${asked}, current: ${current}`,
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  });
}

function bodyOf({ type, shown, detail }: FieldError): string {
  switch (type) {
    case 'FieldValueInvalid':
    case 'FieldValueTypeInvalid':
      return `Invalid value: ${shown ?? 'null'}: ${detail}`;
    case 'FieldValueNotSupported':
      return `Unsupported value: ${shown ?? 'null'}: ${detail}`;
    case 'FieldValueDuplicate':
      return `Duplicate value: ${shown ?? 'null'}`;
    case 'FieldValueRequired':
      return detail === '' ? 'Required value' : `Required value: ${detail}`;
    case 'FieldValueForbidden':
      return `Forbidden: ${detail}`;
    case 'FieldValueTooLong':
      return `Too long: ${detail}`;
    case 'FieldValueTooMany':
      return `Too many: ${shown ?? 'null'}: ${detail}`;
  }
}

/** Validation found faults; all of them are listed at once. */
export function invalid(subject: ErrorSubject, errors: readonly FieldError[]): ApiError {
  const lines = [...new Set(errors.map((error) => `${error.field}: ${bodyOf(error)}`))];
  return new ApiError({
    code: 422,
    reason: 'Invalid',
    message: `${qualified(subject)} "${subject.name}" is invalid: ${lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`}`,
    details: {
      ...detailsOf(subject),
      causes: errors.map((error) => ({ reason: error.type, message: bodyOf(error), field: error.field })),
    },
  });
}

/** How a value appears in a message: scalars as JSON, the rest by type. */
export function shownValue(value: Json | undefined): string {
  if (value === undefined || value === null) return 'null';
  return typeof value === 'object' ? `"${Array.isArray(value) ? 'array' : 'object'}"` : JSON.stringify(value);
}
