import { pause, type Clock } from '@couchestor/shared/clock';
import { featuresOf, type MayastorClient, type MayastorNode } from '@couchestor/shared/mayastor';
import type { MoverObserved } from '@couchestor/shared/messages';

export type Method = MoverObserved['method'];

/**
 * Finds out how this cluster can be fenced and steered: the weakest of its nodes decides. Whether pools can be cordoned
 * is found by a call that changes nothing and is a PUT all the same, so it is made only under the permit, and not again
 * before the nodes run another version.
 */
export function createMethodFinder(
  mayastor: Pick<MayastorClient, 'listNodes' | 'poolCordonSupported'>,
  options: {
    readonly nodeFenceAllowed: boolean;
    readonly mayProbe: () => boolean;
    /** Shown the nodes each time. */
    readonly onNodes: (nodes: readonly MayastorNode[], signal: AbortSignal) => Promise<void>;
  },
): (signal: AbortSignal) => Promise<Method> {
  let probed: { readonly versions: string; readonly poolCordon: boolean } | undefined;
  return async (signal) => {
    const nodes = await mayastor.listNodes({ signal });
    const versions = nodes
      .map(({ version }) => version ?? '')
      .sort()
      .join();
    if (nodes.length === 0) return 'undetermined';
    await options.onNodes(nodes, signal);
    if (probed?.versions !== versions) {
      if (!options.mayProbe()) return 'undetermined';
      probed = { versions, poolCordon: await mayastor.poolCordonSupported({ signal }) };
    }
    const features = featuresOf(nodes, probed.poolCordon);
    if (features.lowestVersion === undefined) return 'undetermined';
    if (features.poolCordon && features.nodeCordonSteers) return 'poolCordon';
    // A node's cordon cannot choose between two pools of it, so this way wants nodes of one tier, and a person's word.
    return options.nodeFenceAllowed && features.childRemovalSteers ? 'nodeCordon' : 'none';
  };
}

const RECHECK_MS = 60_000;
const RETRY_MS = 2_000;

/** Looks again every minute, for clusters are upgraded; what was found last holds while Mayastor is away. */
export async function watchMethod(options: {
  readonly find: (signal: AbortSignal) => Promise<Method>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onMethod: (method: Method) => void;
  readonly onError: (error: unknown) => void;
}): Promise<void> {
  const { find, clock, signal, onMethod, onError } = options;
  while (!signal.aborted) {
    let nextMs = RECHECK_MS;
    try {
      const method = await find(signal);
      onMethod(method);
      if (method === 'undetermined') nextMs = RETRY_MS;
    } catch (error) {
      if (signal.aborted) return;
      onError(error);
      nextMs = RETRY_MS;
    }
    await pause(clock, nextMs, signal);
  }
}
