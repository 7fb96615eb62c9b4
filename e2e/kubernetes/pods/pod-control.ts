import { expect } from 'vitest';
import type { PodBed } from './pod-bed.ts';

export interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string };
}

/** Pods of `kube-system` with a label, those that end left out. */
export async function podsOf(bed: PodBed, label: string): Promise<readonly Pod[]> {
  const { items } = await bed.get<{ readonly items: readonly (Pod & { metadata: { deletionTimestamp?: string } })[] }>(
    `pods -n kube-system -l ${label}`,
  );
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/**
 * Ends all processes of a pod by SIGKILL, as a crash of its node would: deleting a pod, by force too, lets them say
 * goodbye. @throws if none runs on the node
 */
export async function crash(bed: PodBed, { metadata: { uid } }: Pod): Promise<void> {
  // Control groups are named after pods: with hyphens, or by systemd with underscores.
  const files = `grep -lE 'pod(${uid}|${uid.replaceAll('-', '_')})' /proc/[0-9]*/cgroup 2>/dev/null`;
  await bed.onNode(`pids=$(${files} | cut -d/ -f3); test -n "$pids" || exit 1; kill -KILL $pids || true`);
}

/** The crash, and the pod is gone for good: another one takes its place. */
export async function kill(bed: PodBed, pod: Pod): Promise<void> {
  await crash(bed, pod);
  await bed.shell(`kubectl delete pod -n kube-system ${pod.metadata.name} --grace-period=0 --force 2>/dev/null`);
}

/** Asks the API server, which keeps to the disruption budgets, to have a pod gone. @throws with its refusal */
export async function evict(bed: PodBed, { metadata: { name } }: Pod): Promise<void> {
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'kube-system' } };
  const path = `/api/v1/namespaces/kube-system/pods/${name}/eviction`;
  await bed.shell(`echo '${JSON.stringify(eviction)}' | kubectl create --raw ${path} -f - || exit 2`);
}

/** The pod of the watcher that holds the Lease. */
export async function leadingWatcher(bed: PodBed): Promise<Pod> {
  const holder = await bed.shell(
    `kubectl get lease couchestor-watcher -n kube-system -o jsonpath='{.spec.holderIdentity}'`,
  );
  return theOne(
    (await podsOf(bed, 'app.kubernetes.io/component=watcher')).filter(({ metadata }) =>
      holder.startsWith(`${metadata.name}_`),
    ),
  );
}

/** The pod of the scorer that decides. */
export async function leadingScorer(bed: PodBed): Promise<Pod> {
  const leading: Pod[] = [];
  for (const pod of await podsOf(bed, 'app.kubernetes.io/component=scorer')) {
    const path = `/api/v1/namespaces/kube-system/pods/${pod.metadata.name}:8081/proxy/v1/scores?limit=1`;
    const decides = await bed.shell(`kubectl get --raw '${path}'`).then(
      () => true,
      () => false,
    );
    if (decides) leading.push(pod);
  }
  return theOne(leading);
}

/** How long until somebody else leads, in milliseconds. */
export async function takeoverMs(former: Pod, leader: () => Promise<Pod>): Promise<number> {
  const beganMs = performance.now();
  const other = async () => (await leader().catch(() => former)).metadata.uid;
  await expect.poll(other, { timeout: 60_000, interval: 200 }).not.toBe(former.metadata.uid);
  return Math.round(performance.now() - beganMs);
}

function theOne(pods: readonly Pod[]): Pod {
  const [pod, ...others] = pods;
  if (pod === undefined || others.length > 0) throw new Error(`${pods.length} pods lead`);
  return pod;
}
