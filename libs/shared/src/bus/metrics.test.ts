import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { messageNames } from '../messages/index.ts';
import { createBusMetrics } from './metrics.ts';

it('every series of the bus is there before anything happens', async () => {
  const registry = new Registry();
  createBusMetrics('scorer', registry);
  const text = await registry.metrics();
  for (const name of messageNames) {
    expect(text).toContain(`couchestor_messages_published_total{type="${name}",result="stored"} 0`);
    expect(text).toContain(`couchestor_messages_consumed_total{type="${name}"} 0`);
  }
  expect(text).toContain('couchestor_dead_letters_total{service="scorer",stream="COUCHESTOR_COMMANDS"} 0');
  expect(text).toContain('couchestor_stream_limit_bytes{stream="KV_couchestor-intents"} 536870912');
  expect(text).toContain('couchestor_nats_connected 0');
});
