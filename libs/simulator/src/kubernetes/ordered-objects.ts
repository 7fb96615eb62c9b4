import { keyOf, type KubeObject } from './kube-object.ts';

/** The objects of a table in the order of lists. */
export interface OrderedObjects {
  /** Never changed in place once it was handed out. */
  readonly list: () => readonly KubeObject[];
  readonly add: (key: string, object: KubeObject) => void;
  readonly replace: (key: string, object: KubeObject) => void;
  readonly remove: (key: string) => void;
}

/**
 * Keeps the order up to date as long as somebody reads it between changes; a run of additions and removals that nobody
 * looks at is sorted at once when somebody does, from `objects`.
 */
export function createOrderedObjects(objects: ReadonlyMap<string, KubeObject>): OrderedObjects {
  let listed: KubeObject[] = [];
  let isCurrent = true;
  let isHandedOut = false;
  let wasRead = false;

  const own = (): KubeObject[] => {
    if (isHandedOut) listed = listed.slice();
    isHandedOut = false;
    return listed;
  };
  /** Whether it pays to change the list by one entry now. */
  const isFollowed = (): boolean => {
    isCurrent &&= wasRead;
    wasRead = false;
    return isCurrent;
  };
  return {
    list: () => {
      if (!isCurrent) {
        listed = [...objects].sort(byKey).map(([, object]) => object);
        isCurrent = true;
      }
      isHandedOut = true;
      wasRead = true;
      return listed;
    },
    add: (key, object) => {
      if (isFollowed()) own().splice(positionOf(listed, key), 0, object);
    },
    replace: (key, object) => {
      if (isCurrent) own()[positionOf(listed, key)] = object;
    },
    remove: (key) => {
      if (isFollowed()) own().splice(positionOf(listed, key), 1);
    },
  };
}

function byKey([left]: readonly [string, KubeObject], [right]: readonly [string, KubeObject]): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** The first position whose key is not before the given one. */
export function positionOf(objects: readonly KubeObject[], key: string): number {
  let low = 0;
  let high = objects.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const object = objects[middle];
    if (object !== undefined && keyOf(object) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
