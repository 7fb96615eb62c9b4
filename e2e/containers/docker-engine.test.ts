import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { findBinary } from '@couchestor/servers';
import { describe, expect, test } from 'vitest';
import { whyLeftOut } from './container-bed.ts';
import { createDockerApi } from './docker-api.ts';
import { networkInterfaces, obtainEngine, startPrivateEngine, whatLacks } from './docker-engine.ts';

const leftOut = await whyLeftOut(whatLacks);
const iptablesSave = await findBinary('iptables-save', process.env);

/** What an engine with default options would change: interfaces, packet filter, forwarding; and its folder. */
async function traces(): Promise<Readonly<Record<string, unknown>>> {
  const rules = iptablesSave === undefined ? '' : execFileSync(iptablesSave, { encoding: 'utf8' });
  return {
    interfaces: await networkInterfaces(),
    // Without comments, which hold the time, and without counters of packets.
    packetFilter: rules.replaceAll(/^#.*$|\[\d+:\d+\]/gm, ''),
    folders: readdirSync(tmpdir()).filter((name) => name.startsWith('couchestor-docker-')),
    mounts: execFileSync('mount', { encoding: 'utf8' }),
  };
}

describe.skipIf(leftOut !== undefined)('a private Docker engine', () => {
  test('answers while it is needed, and leaves no trace on the machine', async () => {
    const before = await traces();
    const engine = await startPrivateEngine(process.env);
    const socket = engine.api.host.replace('unix://', '');
    try {
      expect(await engine.api.answers()).toBe(true);
      expect(await traces()).toMatchObject({ interfaces: before['interfaces'], packetFilter: before['packetFilter'] });
    } finally {
      await engine[Symbol.asyncDispose]();
    }
    expect(await engine.api.answers()).toBe(false);
    expect(existsSync(socket)).toBe(false);
    expect(await traces()).toEqual(before);
  });

  test('is used by whoever finds it in DOCKER_HOST, and not ended by them', async () => {
    await using engine = await startPrivateEngine(process.env);
    {
      await using given = await obtainEngine({ ...process.env, DOCKER_HOST: engine.api.host });
      expect(given).toMatchObject({ origin: 'given', api: { host: engine.api.host } });
    }
    expect(await engine.api.answers()).toBe(true);
  });
});

test('a DOCKER_HOST where no engine answers is named', async () => {
  await expect(obtainEngine({ DOCKER_HOST: 'tcp://127.0.0.1:1' })).rejects.toThrow('DOCKER_HOST=tcp://127.0.0.1:1');
});

test('a DOCKER_HOST that is not understood is named with what is', () => {
  expect(() => createDockerApi('ssh://box')).toThrow('"ssh://box"; unix://, tcp:// and http:// are understood');
});
