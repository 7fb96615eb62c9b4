import type { ArrivingCall } from '../world/mayastor.ts';

/** A changing call with what it means. */
export interface SeenCall extends ArrivingCall {
  readonly change: Change;
  /** The process stood still so lately that this may be a call decided before. */
  readonly isLate: boolean;
}

export type Change =
  | { readonly kind: 'probe' }
  | { readonly kind: 'count'; readonly volumeId: string; readonly count: number }
  | { readonly kind: 'child' }
  | { readonly kind: 'cordon' }
  | { readonly kind: 'uncordon' };

export function changeOf({ method, path }: Pick<ArrivingCall, 'method' | 'path'>): Change {
  const [, kind, name, action, detail] = path.split('/');
  if (kind === 'volumes' && action === 'replica_count') {
    const count = Number(detail);
    return count === 255 ? { kind: 'probe' } : { kind: 'count', volumeId: name ?? '', count };
  }
  if (kind === 'nexuses') return { kind: 'child' };
  if (name === 'COUCHESTOR-PROBE') return { kind: 'probe' };
  return { kind: method === 'DELETE' ? 'uncordon' : 'cordon' };
}
