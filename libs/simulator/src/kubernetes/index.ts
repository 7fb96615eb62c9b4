export { readDiskPoolCrd } from './disk-pool-crd.ts';
export type { DirectWriter, ObjectReference } from './direct-writes.ts';
export type { Json, JsonObject } from './json.ts';
export type { KubeObject, KubeObjectInput, ObjectMeta } from './kube-object.ts';
export { createKubernetesModel, type KubernetesModel, type KubernetesModelOptions } from './model.ts';
export type { Fault, FaultAction, RequestCounter, RequestFaults, RequestInfo } from './request-faults.ts';
export type { KubeRequest, KubeResponse, WatchSink } from './request.ts';
export { serveKubernetes, type KubernetesServer, type ServeOptions } from './serve.ts';
