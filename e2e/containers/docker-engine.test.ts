import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { findBinary } from '@couchestor/servers';
import { describe, expect, test } from 'vitest';
import { whyLeftOut } from './container-bed.ts';
import { createDockerApi } from './docker-api.ts';
import { networkInterfaces, obtainEngine, startPrivateEngine, whatLacks } from './docker-engine.ts';

// Where an engine is given there may be none to start.
const leftOut = (await whyLeftOut()) ?? (await whatLacks(process.env));
const iptablesSave = await findBinary('iptables-save', process.env);

/** What an engine with default options would change in the network. */
async function networkTraces(): Promise<Readonly<Record<string, unknown>>> {
  const rules = iptablesSave === undefined ? '' : execFileSync(iptablesSave, { encoding: 'utf8' });
  return {
    interfaces: await networkInterfaces(),
    // Without comments, which hold the time, and without counters of packets.
    packetFilter: rules.replaceAll(/^#.*$|\[\d+:\d+\]/gm, ''),
  };
}

describe.skipIf(leftOut !== undefined)('a private Docker engine', () => {
  test('answers while it is needed, and leaves no trace on the machine', async () => {
    const before = await networkTraces();
    const engine = await startPrivateEngine(process.env);
    const folder = dirname(engine.api.host.replace('unix://', ''));
    try {
      expect(await engine.api.answers()).toBe(true);
      expect(existsSync(folder)).toBe(true);
      expect(await networkTraces()).toEqual(before);
    } finally {
      await engine[Symbol.asyncDispose]();
    }
    expect(await engine.api.answers()).toBe(false);
    expect(existsSync(folder)).toBe(false);
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(folder);
    expect(await networkTraces()).toEqual(before);
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
