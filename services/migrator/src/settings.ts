import { z } from 'zod';
import {
  booleanSetting,
  integerSetting,
  mayastorSettings,
  natsSettings,
  redisSettings,
  serviceSettings,
} from '@couchestor/shared/service';
import { GIB } from '@couchestor/shared/units';

export const settingsSchema = z.object({
  ...serviceSettings,
  ...natsSettings,
  ...redisSettings,
  INSTANCE: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,63}$/)
    .meta({
      description: 'Name of this migrator among its peers; a new random one at each start if left out.',
      expects: 'up to 63 letters, digits, - and _',
    })
    .optional(),
  ...mayastorSettings,
  MAYASTOR_TIMEOUT_MS: integerSetting('Deadline of one call to Mayastor, in milliseconds.', {
    min: 100,
    max: 60_000,
    default: 5_000,
  }),
  MAYASTOR_LATE_EFFECT_MS: integerSetting(
    'So late a call that had no answer may take effect, in milliseconds; to be raised with deadlines of Mayastor.',
    { min: 1_000, max: 120_000, default: 30_000 },
  ),
  MAYASTOR_CACHE_PERIOD_MS: integerSetting(
    'How long Mayastor may show an old state, in milliseconds: its cache_poll_period.',
    { min: 50, max: 600_000, default: 30_000 },
  ),
  MAYASTOR_CALLS_PER_SECOND: integerSetting('Calls to Mayastor a second, of all migrators together.', {
    min: 1,
    max: 1_000,
    default: 6,
  }),
  MAYASTOR_NODE_FENCE: booleanSetting(
    'Moves on Mayastor 2.7 to 2.9 too, by cordoning whole nodes; only where each tier has nodes of its own.',
    false,
  ),
  LEASE_TTL_MS: integerSetting('Life of the leases in Redis, in milliseconds; longer than a call to Mayastor.', {
    min: 1_000,
    max: 120_000,
    default: 15_000,
  }),
  CALL_MARGIN_MS: integerSetting('A call starts only if its leases and permit outlast its deadline by this.', {
    min: 100,
    max: 30_000,
    default: 2_000,
  }),
  FLEET_MIGRATIONS_MAX: integerSetting('Moves in flight in the whole cluster.', { min: 1, max: 1_000, default: 8 }),
  FLEET_GIB_MAX: integerSetting('GiB of all volumes in flight together; a larger volume moves alone.', {
    min: 1,
    max: 1_000_000,
    default: 4_096,
  }),
  FAILURE_BACKOFF_MS: integerSetting(
    'How long a volume whose move failed is left alone, in milliseconds; doubles with each failure in a row, to a day.',
    { min: 1_000, max: 86_400_000, default: 300_000 },
  ),
});

export type Settings = z.output<typeof settingsSchema>;

export const fleetBytes = (settings: Settings): number => settings.FLEET_GIB_MAX * GIB;
