import { readFileSync } from 'node:fs';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { startNats, type Server } from '@couchestor/servers';
import { Registry } from 'prom-client';
import { createSystemClock } from '../clock/index.ts';
import type { MessageData, MessageName } from '../messages/index.ts';
import type { Bus, BusLogger, BusOptions } from './bus.ts';
import { connectBus } from './connect-bus.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: object;
}

/** A NATS server of one's own, buses on it, and a bare client to do to it what others might do. For tests. */
export interface TestBed extends AsyncDisposable {
  readonly server: Server;
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  readonly registry: Registry;
  readonly logs: LogLine[];
  /** A bus that ends with the bed. */
  bus(options?: Partial<BusOptions>): Promise<Bus>;
  /** The value of one series, undefined if there is none. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number | undefined>;
}

export async function startTestBed(): Promise<TestBed> {
  // Tests kill this server, so it cannot be one that others use.
  const { COUCHESTOR_NATS_URL: _shared, ...env } = process.env;
  const server = await startNats({ env });
  const nc = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
  const jsm = await jetstreamManager(nc);
  const registry = new Registry();
  const logs: LogLine[] = [];
  const buses: Bus[] = [];
  return {
    server,
    nc,
    jsm,
    registry,
    logs,
    bus: async (options = {}) => {
      const bus = await connectBus({
        servers: server.url,
        service: 'watcher',
        instance: 'watcher-1',
        clock: createSystemClock(),
        logger: collectingLogger(logs),
        // A registry takes each metric once, so only the first bus counts into the one that is read.
        registry: buses.length === 0 ? registry : new Registry(),
        ...options,
      });
      buses.push(bus);
      return bus;
    },
    metric: async (name, labels = {}) => {
      const metric = await registry.getSingleMetric(name)?.get();
      return metric?.values.find(({ labels: present }) =>
        Object.entries(labels).every(([label, value]) => present[label] === value),
      )?.value;
    },
    [Symbol.asyncDispose]: async () => {
      for (const bus of buses) await bus[Symbol.asyncDispose]();
      await nc.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

export function collectingLogger(logs: LogLine[]): BusLogger {
  const at = (level: LogLine['level']) => (fields: object, message: string) => {
    logs.push({ level, message, fields });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** The data of the sample of a message. */
export function sampleOf<N extends MessageName>(name: N): MessageData<N> {
  const path = new URL(`../messages/samples/${name}.json`, import.meta.url);
  const { data } = JSON.parse(readFileSync(path, 'utf8')) as { data: MessageData<N> };
  return data;
}
