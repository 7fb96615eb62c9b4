import type { LoadCurve } from './load.ts';

/** Cumulative counters of one block device, as the exporter prints them. */
export interface IoCounters {
  readOps: number;
  writeOps: number;
  bytesRead: number;
  bytesWritten: number;
  readLatencyUs: number;
  writeLatencyUs: number;
}

function noCounters(): IoCounters {
  return { readOps: 0, writeOps: 0, bytesRead: 0, bytesWritten: 0, readLatencyUs: 0, writeLatencyUs: 0 };
}

/** Counts what a device serves of a load, from when it starts until it stops; values are computed when asked for. */
export interface LoadMeter {
  /** Begins or goes on to serve `curve`: all writes and this share of the reads. Ends what was served before. */
  start(atMs: number, curve: LoadCurve, readShare: number): void;
  stop(atMs: number): void;
  /** Whether it serves something now. */
  readonly running: boolean;
  /** Adds what another device had counted, for sums that must not shrink when a part leaves. */
  absorb(counters: IoCounters): void;
  reset(): void;
  read(atMs: number): IoCounters;
}

export function createLoadMeter(): LoadMeter {
  let total = noCounters();
  let serving: { readonly curve: LoadCurve; readonly sinceMs: number; readonly readShare: number } | undefined;

  const current = (atMs: number): IoCounters => {
    if (serving === undefined) return { ...total };
    const { curve, sinceMs, readShare } = serving;
    const operations = Math.max(0, curve.operationsUntil(atMs) - curve.operationsUntil(sinceMs));
    const reads = operations * curve.shape.readShare * readShare;
    const writes = operations * (1 - curve.shape.readShare);
    return {
      readOps: total.readOps + reads,
      writeOps: total.writeOps + writes,
      bytesRead: total.bytesRead + reads * curve.shape.blockBytes,
      bytesWritten: total.bytesWritten + writes * curve.shape.blockBytes,
      readLatencyUs: total.readLatencyUs + reads * curve.shape.latencyUs,
      writeLatencyUs: total.writeLatencyUs + writes * curve.shape.latencyUs,
    };
  };

  return {
    start: (atMs, curve, readShare) => {
      total = current(atMs);
      serving = { curve, sinceMs: atMs, readShare };
    },
    stop: (atMs) => {
      total = current(atMs);
      serving = undefined;
    },
    get running() {
      return serving !== undefined;
    },
    absorb: (counters) => {
      total = sumOf(total, counters);
    },
    reset: () => {
      total = noCounters();
      serving = undefined;
    },
    read: current,
  };
}

export function sumOf(left: IoCounters, right: IoCounters): IoCounters {
  return {
    readOps: left.readOps + right.readOps,
    writeOps: left.writeOps + right.writeOps,
    bytesRead: left.bytesRead + right.bytesRead,
    bytesWritten: left.bytesWritten + right.bytesWritten,
    readLatencyUs: left.readLatencyUs + right.readLatencyUs,
    writeLatencyUs: left.writeLatencyUs + right.writeLatencyUs,
  };
}
