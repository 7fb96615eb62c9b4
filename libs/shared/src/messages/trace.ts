/** W3C trace context. One decision can be followed from the fact that caused it to the end of its move. */
export interface Trace {
  readonly traceId: string;
  readonly spanId: string;
}

/** `hex(bytes)` gives that many random bytes in lower-case hexadecimal. */
export type RandomHex = (bytes: number) => string;

export function startTrace(hex: RandomHex): Trace {
  return { traceId: hex(16), spanId: hex(8) };
}

export function childSpan(parent: Trace, hex: RandomHex): Trace {
  return { traceId: parent.traceId, spanId: hex(8) };
}

export function formatTraceparent({ traceId, spanId }: Trace): string {
  return `00-${traceId}-${spanId}-01`;
}

export function parseTraceparent(traceparent: string | undefined): Trace | undefined {
  const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(traceparent ?? '');
  const [, traceId, spanId] = match ?? [];
  return traceId === undefined || spanId === undefined ? undefined : { traceId, spanId };
}
