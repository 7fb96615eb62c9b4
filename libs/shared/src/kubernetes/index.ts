export {
  createKubernetesAccess,
  type Credentials,
  type KubernetesAccess,
  type KubernetesAccessOptions,
  type KubernetesRequest,
} from './access.ts';
export {
  type ApplyOptions,
  createKubernetesClient,
  type KubernetesClient,
  type ListOptions,
  type ObjectBody,
  type PatchOptions,
} from './client.ts';
export { isStatus, KubernetesAnswerError, KubernetesStatusError, KubernetesUnreachableError } from './errors.ts';
export { createEventRecorder, type EventRecorder, type RecordedEvent } from './event-recorder.ts';
export { listObjects } from './paged-list.ts';
export { type LeaderElection, type LeaderElectionOptions, startLeaderElection } from './leader-election.ts';
export { type ListWatch, type ListWatchOptions, startListWatch } from './list-watch.ts';
export { loadKubernetesAccess } from './load-access.ts';
export {
  apiVersionOf,
  collectionPath,
  type KubernetesList,
  type KubernetesObject,
  type ObjectMeta,
  type ObjectName,
  objectPath,
  type Resource,
} from './objects.ts';
