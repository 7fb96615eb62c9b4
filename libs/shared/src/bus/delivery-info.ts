/** What JetStream says about a delivered message in its reply subject. */
export interface DeliveryInfo {
  readonly deliveryCount: number;
  readonly streamSequence: number;
  /** Counts the deliveries of the consumer from 1; a gap means that something was lost on the way. */
  readonly consumerSequence: number;
  /** When the stream stored it, by the server's clock. */
  readonly storedAtMs: number;
  /** Messages of the consumer that were not delivered yet. */
  readonly pending: number;
}

/**
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<ns>.<pending>`, or the same with domain and
 * account hash before the stream and maybe more after the end.
 */
export function parseDeliveryInfo(reply: string | undefined): DeliveryInfo | undefined {
  const tokens = reply?.split('.') ?? [];
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK' || tokens.length < 9) return undefined;
  const first = tokens.length === 9 ? 4 : 6;
  const [deliveryCount, streamSequence, consumerSequence, storedAtNs, pending] = tokens
    .slice(first, first + 5)
    .map(Number);
  if (
    deliveryCount === undefined ||
    streamSequence === undefined ||
    consumerSequence === undefined ||
    storedAtNs === undefined ||
    pending === undefined
  ) {
    return undefined;
  }
  return { deliveryCount, streamSequence, consumerSequence, storedAtMs: Math.floor(storedAtNs / 1e6), pending };
}
