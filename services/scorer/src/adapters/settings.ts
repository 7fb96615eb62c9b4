import {
  booleanSetting,
  integerSetting,
  natsSettings,
  redisSettings,
  secretSetting,
  serviceSettings,
  urlSetting,
} from '@couchestor/shared/service';
import { z } from 'zod';

const text = (description: string) => z.string().min(1).meta({ description }).optional();

export const settingsSchema = z.object({
  ...serviceSettings,
  ...natsSettings,
  ...redisSettings,
  INSTANCE: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,63}$/)
    .meta({
      description: 'Name of this scorer among its peers; a new random one at each start if left out.',
      expects: 'up to 63 letters, digits, - and _',
    })
    .optional(),
  SCORING_CYCLE_MS: integerSetting(
    'How often Prometheus is asked, in milliseconds; a cycle that takes more than half of it lengthens it.',
    { min: 500, max: 3_600_000, default: 60_000 },
  ),
  STARTUP_GRACE_MS: integerSetting(
    'How long the scorer only watches after its start, in milliseconds; two cycles at least.',
    { min: 0, max: 86_400_000, default: 300_000 },
  ),
  REBUILD_MIB_PER_SECOND: integerSetting(
    'How fast a replica is expected to be copied, for the question whether a move ends within its maintenance window.',
    { min: 1, max: 1_000_000, default: 100 },
  ),
  PROMETHEUS_URL: urlSetting(
    'Prometheus, or what speaks its HTTP API, with the base path if there is one.',
    ['http', 'https'],
    'http://127.0.0.1:9090',
  ),
  PROMETHEUS_TIMEOUT_MS: integerSetting('Deadline of one query, in milliseconds.', {
    min: 100,
    max: 600_000,
    default: 30_000,
  }),
  PROMETHEUS_BEARER_TOKEN_FILE: text('File with a bearer token for Prometheus; read again for each query.'),
  PROMETHEUS_USER: text('The user name at Prometheus, with PROMETHEUS_PASSWORD.'),
  PROMETHEUS_PASSWORD: secretSetting('The password at Prometheus.'),
  PROMETHEUS_TENANT: text('Value of the header that names the tenant (Mimir, Thanos).'),
  PROMETHEUS_TENANT_HEADER: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/)
    .meta({ description: 'The header that names the tenant.', expects: 'the name of an HTTP header' })
    .default('X-Scope-OrgID'),
  PROMETHEUS_CA_FILE: text('PEM file with the certificates that Prometheus is trusted by, in place of the system’s.'),
  PROMETHEUS_CLIENT_CERT_FILE: text(
    'PEM file with the certificate that the scorer shows to Prometheus, with PROMETHEUS_CLIENT_KEY_FILE; both are read again when they change.',
  ),
  PROMETHEUS_CLIENT_KEY_FILE: text('PEM file with the key of that certificate.'),
  PROMETHEUS_PROXY_URL: z
    .url({ protocol: /^https?$/ })
    .meta({
      description: 'An HTTP proxy on the way to Prometheus.',
      expects: 'a URL that begins with http:// or https://',
    })
    .optional(),
  LEADER_ELECTION: booleanSetting(
    'Whether several scorers choose one by a lease in Redis. One alone does not need it, nor Redis.',
    false,
  ),
});

export type Settings = z.output<typeof settingsSchema>;
