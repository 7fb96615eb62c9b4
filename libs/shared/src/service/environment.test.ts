import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { type Environment, listSettings, parseEnvironment } from './environment.ts';
import { ConfigurationError } from './errors.ts';
import {
  booleanSetting,
  integerSetting,
  natsSettings,
  redisSettings,
  serviceSettings,
  urlSetting,
} from './settings.ts';

const schema = z.object({
  ...serviceSettings,
  ...natsSettings,
  ...redisSettings,
  PERIOD_MS: integerSetting('How often.', { min: 1_000, max: 60_000, default: 30_000 }),
  STEER: booleanSetting('Whether to steer.', false),
  MAYASTOR_URL: z.url().meta({ description: 'Where Mayastor is.', expects: 'a URL' }),
});
const needed = { MAYASTOR_URL: 'http://mayastor:8081' };

function faultsOf(environment: Environment): ConfigurationError {
  try {
    parseEnvironment(schema, environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  throw new Error('the environment was accepted');
}

function secretFile(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'couchestor-secret-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'secret'), content);
  return join(folder, 'secret');
}

test('what is not set, or empty, takes its default', () => {
  expect(parseEnvironment(schema, { ...needed, PERIOD_MS: '', HOME: '/home' })).toEqual({
    ...needed,
    LOG_LEVEL: 'info',
    HOST: '0.0.0.0',
    METRICS_PORT: 8080,
    HEALTH_PORT: 8081,
    COUCHESTOR_VERSION: 'development',
    NATS_URL: ['nats://127.0.0.1:4222'],
    REDIS_URL: 'redis://127.0.0.1:6379',
    PERIOD_MS: 30_000,
    STEER: false,
  });
});

test('numbers, booleans and lists are read from text, up to their bounds', () => {
  const environment = { ...needed, PERIOD_MS: '60000', STEER: 'true', NATS_URL: 'nats://a:1, tls://b:2' };
  expect(parseEnvironment(schema, environment)).toMatchObject({
    PERIOD_MS: 60_000,
    STEER: true,
    NATS_URL: ['nats://a:1', 'tls://b:2'],
  });
  expect(faultsOf({ ...needed, PERIOD_MS: '60001' }).faults).toHaveLength(1);
});

test('all faults are told at once, each with name, value and remedy', () => {
  const { message, faults, retry } = faultsOf({
    PERIOD_MS: '999',
    STEER: 'maybe',
    NATS_URL: 'http://a',
    LOG_LEVEL: 'loud',
  });
  expect(faults.map(({ name, value }) => [name, value])).toEqual([
    ['LOG_LEVEL', 'loud'],
    ['NATS_URL', 'http://a'],
    ['PERIOD_MS', '999'],
    ['STEER', 'maybe'],
    ['MAYASTOR_URL', undefined],
  ]);
  expect(retry).toEqual({ retry: 'never' });
  expect(message).toContain('the configuration has 5 faults:');
  expect(message).toContain('PERIOD_MS="999": too small');
  expect(message).toContain('Set it to an integer from 1000 to 60000, or leave it out for 30000. How often.');
  expect(message).toContain('MAYASTOR_URL is not set: it is required. Set it to a URL. Where Mayastor is.');
  expect(message).toContain('Set it to one of debug, info, warn, error, or leave it out for info.');
});

test('a secret may come from a file, whose last line break is dropped', () => {
  const path = secretFile('hunter2\n');
  expect(parseEnvironment(schema, { ...needed, REDIS_PASSWORD_FILE: path })).toMatchObject({
    REDIS_PASSWORD: 'hunter2',
  });
  expect(faultsOf({ ...needed, REDIS_PASSWORD_FILE: path, REDIS_PASSWORD: 'x' }).message).toContain(
    'REDIS_PASSWORD is set as well',
  );
  expect(faultsOf({ ...needed, REDIS_PASSWORD_FILE: `${path}.absent` }).message).toContain('Name a readable file');
});

test('secrets are not shown, nor what is before the @ of a URL', () => {
  const strict = schema.extend({
    REDIS_PASSWORD: z.string().min(100).meta({ description: 'Long.', secret: true }),
    PROMETHEUS_URL: urlSetting('Where Prometheus is.', ['http'], 'http://prometheus'),
  });
  expect(() =>
    parseEnvironment(strict, { ...needed, REDIS_PASSWORD: 'hunter2', PROMETHEUS_URL: 'ftp://me:hunter2@there' }),
  ).toThrow(
    expect.objectContaining({
      faults: [
        expect.objectContaining({ name: 'REDIS_PASSWORD', value: '***' }),
        expect.objectContaining({ name: 'PROMETHEUS_URL', value: 'ftp://***@there' }),
      ],
    }),
  );
});

test('settings list themselves with default, description and what they expect', () => {
  const settings = listSettings(schema);
  const settingOf = (name: string) => settings.find((setting) => setting.name === name);
  expect(settingOf('PERIOD_MS')).toEqual({
    name: 'PERIOD_MS',
    description: 'How often.',
    default: '30000',
    required: false,
    secret: false,
    expects: 'an integer from 1000 to 60000',
  });
  expect(settingOf('STEER')?.default).toBe('false');
  expect(settingOf('NATS_URL')?.default).toBe('nats://127.0.0.1:4222');
  expect(settingOf('REDIS_PASSWORD')).toMatchObject({ secret: true, default: undefined, required: false });
  expect(settingOf('MAYASTOR_URL')).toMatchObject({ required: true, default: undefined });
  expect(settings.filter(({ description }) => !description.endsWith('.'))).toEqual([]);
});
