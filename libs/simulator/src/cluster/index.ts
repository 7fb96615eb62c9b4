export {
  createSimulatedCluster,
  mayastorNamespace,
  readStoragePolicyCrd,
  storageClass,
  type SimulatedCluster,
  type SimulatedClusterOptions,
} from './cluster.ts';
export {
  generateScenario,
  type Scenario,
  type ScenarioOptions,
  type ScenarioPool,
  type ScenarioVolume,
  type VolumeRole,
} from './scenario.ts';
