import { describe, expect, it } from 'vitest';
import { parseDeliveryInfo } from './delivery-info.ts';

describe('parseDeliveryInfo', () => {
  const expected = {
    deliveryCount: 2,
    streamSequence: 10,
    consumerSequence: 4,
    storedAtMs: 1_795_423_527_819,
    pending: 3,
  };

  it('reads what servers write, with and without a domain', () => {
    expect(parseDeliveryInfo('$JS.ACK.S.t1.2.10.4.1795423527819000815.3')).toEqual(expected);
    expect(parseDeliveryInfo('$JS.ACK.hub.AbCdEf.S.t1.2.10.4.1795423527819000815.3.xyz')).toEqual(expected);
    expect(parseDeliveryInfo('$JS.ACK._.AbCdEf.S.t1.2.10.4.1795423527819000815.3')).toEqual(expected);
  });

  it('knows what is none', () => {
    for (const reply of [undefined, '', '_INBOX.abc.1', '$JS.ACK.S.t1.2.10.4']) {
      expect(parseDeliveryInfo(reply)).toBeUndefined();
    }
  });
});
