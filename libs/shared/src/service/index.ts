export { type Backoff, type BackoffOptions, createBackoff } from './backoff.ts';
export { type Environment, listSettings, parseEnvironment, type Setting } from './environment.ts';
export { ConfigurationError, CouchestorError, messageOf, type Retry, type SettingFault } from './errors.ts';
export { createLogger, type Logger, type LoggerOptions } from './logger.ts';
export { createRegistry, type RegistryOptions } from './metrics.ts';
export { type OpsServers, type OpsServersOptions, startOpsServers } from './ops-servers.ts';
export {
  createReadiness,
  type DependencyReport,
  type Readiness,
  type ReadinessCheck,
  type ReadinessReport,
  type ReadinessState,
} from './readiness.ts';
export { createRouteTable, type JsonAnswer, type JsonHandler, type JsonRequest, type Routes } from './routes.ts';
export { runService, type ServiceContext, type ServiceOptions, type ServiceSchema } from './run-service.ts';
export {
  booleanSetting,
  integerSetting,
  mayastorAccess,
  mayastorSettings,
  natsAccess,
  natsSettings,
  redisSettings,
  secretSetting,
  serviceSettings,
  urlSetting,
} from './settings.ts';
export { createStandingLines, type StandingLines } from './standing-lines.ts';
