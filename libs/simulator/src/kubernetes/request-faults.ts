import type { Verb } from './resource-kind.ts';

/** What a request is, as faults and counters tell requests apart. */
export interface RequestInfo {
  readonly verb: Verb;
  readonly group: string;
  /** The plural, for example `persistentvolumes`. */
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  readonly userAgent: string;
}

export type FaultAction =
  /** Answers with an error and does nothing. */
  | {
      readonly kind: 'refuse';
      readonly code: number;
      readonly reason?: string;
      readonly message?: string;
      readonly retryAfterSeconds?: number;
    }
  /** Waits, then goes on. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** Cuts the connection before anything is done. */
  | { readonly kind: 'drop-request' }
  /** Does what was asked and cuts the connection instead of answering. */
  | { readonly kind: 'drop-answer' };

export interface Fault {
  /** Every member given must be equal. */
  readonly match: Partial<RequestInfo>;
  readonly action: FaultAction;
  /** How many requests it hits; for ever if absent. */
  readonly times?: number;
}

export interface RequestFaults {
  /** The first fault added that matches is the one that hits. Returns how to take it away. */
  readonly add: (fault: Fault) => () => void;
  readonly clear: () => void;
  readonly take: (request: RequestInfo) => FaultAction | undefined;
}

export function createRequestFaults(): RequestFaults {
  const faults: { readonly fault: Fault; remaining: number }[] = [];
  return {
    add: (fault) => {
      const entry = { fault, remaining: fault.times ?? Number.POSITIVE_INFINITY };
      faults.push(entry);
      return () => {
        entry.remaining = 0;
      };
    },
    clear: () => {
      faults.length = 0;
    },
    take: (request) => {
      const hit = faults.find(({ fault, remaining }) => remaining > 0 && matches(fault.match, request));
      if (hit === undefined) return undefined;
      hit.remaining -= 1;
      if (hit.remaining <= 0) faults.splice(faults.indexOf(hit), 1);
      return hit.fault.action;
    },
  };
}

function matches(match: Partial<RequestInfo>, request: RequestInfo): boolean {
  return Object.entries(match).every(
    ([name, wanted]) => wanted === undefined || request[name as keyof RequestInfo] === wanted,
  );
}

/** Counts requests by verb, resource and subresource. */
export interface RequestCounter {
  readonly add: (request: RequestInfo) => void;
  /** The number of requests of this description since the start or the last reset. */
  readonly count: (match?: { verb?: Verb; resource?: string; subresource?: string }) => number;
  readonly entries: () => readonly { verb: Verb; resource: string; subresource: string; count: number }[];
  readonly reset: () => void;
}

export function createRequestCounter(): RequestCounter {
  const counts = new Map<string, { verb: Verb; resource: string; subresource: string; count: number }>();
  return {
    add: ({ verb, resource, subresource = '' }) => {
      const key = `${verb} ${resource} ${subresource}`;
      const entry = counts.get(key) ?? { verb, resource, subresource, count: 0 };
      entry.count += 1;
      counts.set(key, entry);
    },
    count: (match = {}) => {
      let total = 0;
      for (const entry of counts.values()) {
        const isMeant =
          (match.verb === undefined || match.verb === entry.verb) &&
          (match.resource === undefined || match.resource === entry.resource) &&
          (match.subresource === undefined || match.subresource === entry.subresource);
        if (isMeant) total += entry.count;
      }
      return total;
    },
    entries: () => [...counts.values()].map((entry) => ({ ...entry })),
    reset: () => counts.clear(),
  };
}
