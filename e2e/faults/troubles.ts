import { connect } from 'node:net';
import { killsOf, type Fault } from '@couchestor/demo/chaos';
import type { Stage } from '@couchestor/demo/stage';
import type { LinkState, NetworkLink, Server } from '@couchestor/servers';
import type { SmallDisk } from './small-disk.ts';

const CUTS: readonly { readonly name: string; readonly state: LinkState; readonly lastsMs: number }[] = [
  { name: 'cut', state: { kind: 'cut' }, lastsMs: 1_500 },
  { name: 'black hole', state: { kind: 'blackHole' }, lastsMs: 3_000 },
  { name: 'requests lost', state: { kind: 'oneWay', passes: 'answers' }, lastsMs: 2_000 },
  { name: 'answers lost', state: { kind: 'oneWay', passes: 'requests' }, lastsMs: 2_000 },
  { name: 'slow', state: { kind: 'slow', delayMs: 150 }, lastsMs: 3_000 },
];

/** Everything that can go wrong on a stage, besides the nodes of the cluster itself. */
export function troublesOf(stage: Stage, disk: SmallDisk | undefined): Fault[] {
  return [
    ...killsOf(stage, true),
    ...stage.services.map(({ label, process }) => standstill(label, process)),
    ...mayastorTroubles(stage),
    ...(stage.redis.shared ? [] : [flush(stage.redis)]),
    ...(disk === undefined ? [] : [diskFull(stage.nats, disk)]),
    ...[...stage.links].flatMap(([name, link]) => cutsOf(name, link)),
  ];
}

/** SIGSTOP: the process misses everything and knows nothing of it. */
function standstill(label: string, process: { readonly pid: number; readonly running: boolean }): Fault {
  const signal = (name: NodeJS.Signals): Promise<void> => {
    if (process.running) globalThis.process.kill(process.pid, name);
    return Promise.resolve();
  };
  return {
    name: `standstill of ${label}`,
    subject: label,
    lastsMs: 2_000,
    strike: () => signal('SIGSTOP'),
    mend: () => signal('SIGCONT'),
  };
}

/**
 * The simulated cluster lives in this process, where its ledger outlasts everything. What dies of a real Mayastor is its
 * core, which finds its world again in etcd and in the engines: the model does so too.
 */
function mayastorTroubles({ cluster }: Stage): Fault[] {
  const { faults } = cluster.mayastor;
  const DOWN_MS = 1_000;
  const subject = 'Mayastor';
  const done = Promise.resolve();
  return [
    {
      name: "kill -9 Mayastor's core",
      subject,
      lastsMs: DOWN_MS,
      strike: () => {
        faults.crashCore(DOWN_MS);
        return done;
      },
      mend: () => done,
    },
    {
      name: "standstill of Mayastor's core",
      subject,
      lastsMs: DOWN_MS,
      strike: () => {
        faults.freezeCore();
        return done;
      },
      mend: () => {
        faults.thawCore();
        return done;
      },
    },
  ];
}

function flush(redis: Server): Fault {
  return {
    name: 'FLUSHALL of Redis',
    subject: 'Redis',
    lastsMs: 0,
    strike: () => command(redis, 'FLUSHALL'),
    mend: () => Promise.resolve(),
  };
}

function command({ url }: Server, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.once('error', reject);
    socket.once('data', (bytes) => {
      socket.destroy();
      if (String(bytes).startsWith('+OK')) resolve();
      else reject(new Error(`Redis answered ${String(bytes)}`));
    });
    socket.write(`${text}\r\n`);
  });
}

/** JetStream turns itself off on a full disk, until somebody has made room and started the server again. */
function diskFull(nats: Server, disk: SmallDisk): Fault {
  return {
    name: 'disk full of NATS',
    subject: 'NATS',
    lastsMs: 2_000,
    strike: () => disk.fill(),
    mend: async () => {
      await disk.free();
      await nats.restart();
    },
  };
}

function cutsOf(name: string, link: NetworkLink): Fault[] {
  const subject = name;
  const cuts = CUTS.map(({ name: kind, state, lastsMs }) => ({
    name: `${name}: ${kind}`,
    subject,
    lastsMs,
    strike: () => Promise.resolve(link.set(state)),
    mend: () => Promise.resolve(link.set({ kind: 'whole' })),
  }));
  const halfOpen = {
    name: `${name}: half-open`,
    subject,
    lastsMs: 0,
    strike: () => Promise.resolve(link.forgetConnections()),
    mend: () => Promise.resolve(),
  };
  return [...cuts, halfOpen];
}
