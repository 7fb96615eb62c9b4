import { z } from 'zod';

declare module 'zod' {
  interface GlobalMeta {
    /** What a value must look like, for the remedy of a fault. */
    expects?: string;
    /** Never shown; may also be given as a file, by the setting's name with `_FILE` appended. */
    secret?: boolean;
  }
}

interface IntegerBounds {
  readonly min: number;
  readonly max: number;
  readonly default: number;
}

export function integerSetting(description: string, { min, max, default: value }: IntegerBounds) {
  return z.coerce
    .number()
    .int()
    .min(min)
    .max(max)
    .meta({ description, expects: `an integer from ${min} to ${max}` })
    .default(value);
}

export function booleanSetting(description: string, value: boolean) {
  return z.stringbool().meta({ description, expects: '"true" or "false"' }).default(value);
}

export function secretSetting(description: string) {
  return z.string().min(1).meta({ description, secret: true }).optional();
}

/** A URL of one of these schemes, such as `['http', 'https']`. */
export function urlSetting(description: string, schemes: readonly string[], value: string) {
  return z
    .string()
    .refine((text) => hasScheme(text, schemes), { message: `not a URL of ${schemes.join(' or ')}` })
    .meta({ description, expects: `a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}` })
    .default(value);
}

/** What every service can be told. */
export const serviceSettings = {
  LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error'])
    .meta({ description: 'The least severe log lines that are written.' })
    .default('info'),
  HOST: z
    .string()
    .min(1)
    .meta({ description: 'The address that the metrics and health servers listen on.' })
    .default('0.0.0.0'),
  METRICS_PORT: integerSetting('The port of `/metrics`; 0 takes a free one.', { min: 0, max: 65_535, default: 8080 }),
  HEALTH_PORT: integerSetting('The port of `/healthz`, `/livez` and `/readyz`; 0 takes a free one.', {
    min: 0,
    max: 65_535,
    default: 8081,
  }),
  COUCHESTOR_VERSION: z
    .string()
    .min(1)
    .meta({ description: 'The version that `couchestor_build_info` and the log show; images set it.' })
    .default('development'),
};

const NATS_SCHEMES = ['nats', 'tls'];

/** Where NATS is. */
export const natsSettings = {
  NATS_URL: z
    .string()
    .refine((text) => splitList(text).length > 0 && splitList(text).every((url) => hasScheme(url, NATS_SCHEMES)), {
      message: 'not a list of nats:// or tls:// URLs',
    })
    .meta({
      description: 'The NATS servers, separated by commas.',
      expects: 'one or more URLs that begin with nats:// or tls://, separated by commas',
    })
    .default('nats://127.0.0.1:4222')
    .transform(splitList),
  NATS_USER: z.string().min(1).meta({ description: 'The user name at NATS.' }).optional(),
  NATS_PASSWORD: secretSetting('The password at NATS.'),
  NATS_TOKEN: secretSetting('The token at NATS.'),
};

type NatsConfig = z.output<z.ZodObject<typeof natsSettings>>;

/** The settings of NATS in the words of its client; what is not set is left out. */
export function natsAccess({ NATS_URL, NATS_USER, NATS_PASSWORD, NATS_TOKEN }: NatsConfig): {
  readonly servers: readonly string[];
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
} {
  return {
    servers: NATS_URL,
    ...(NATS_USER === undefined ? {} : { user: NATS_USER }),
    ...(NATS_PASSWORD === undefined ? {} : { password: NATS_PASSWORD }),
    ...(NATS_TOKEN === undefined ? {} : { token: NATS_TOKEN }),
  };
}

/** Where Mayastor is. */
export const mayastorSettings = {
  MAYASTOR_URL: urlSetting("Mayastor's REST service.", ['http', 'https'], 'http://mayastor-api-rest.mayastor:8081'),
  MAYASTOR_TOKEN: secretSetting('The bearer token at Mayastor, where its REST service asks for one.'),
  MAYASTOR_CA: secretSetting('The certificates (PEM) to trust at an https:// MAYASTOR_URL.'),
};

type MayastorConfig = z.output<z.ZodObject<typeof mayastorSettings>>;

/** The settings of Mayastor in the words of its client; what is not set is left out. */
export function mayastorAccess({ MAYASTOR_URL, MAYASTOR_TOKEN, MAYASTOR_CA }: MayastorConfig): {
  readonly baseUrl: string;
  readonly token?: string;
  readonly ca?: string;
} {
  return {
    baseUrl: MAYASTOR_URL,
    ...(MAYASTOR_TOKEN === undefined ? {} : { token: MAYASTOR_TOKEN }),
    ...(MAYASTOR_CA === undefined ? {} : { ca: MAYASTOR_CA }),
  };
}

/** Where Redis is. */
export const redisSettings = {
  REDIS_URL: urlSetting('The Redis server.', ['redis', 'rediss'], 'redis://127.0.0.1:6379'),
  REDIS_PASSWORD: secretSetting('The password at Redis.'),
};

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function hasScheme(text: string, schemes: readonly string[]): boolean {
  const url = URL.parse(text);
  return url !== null && url.hostname !== '' && schemes.includes(url.protocol.slice(0, -1));
}
