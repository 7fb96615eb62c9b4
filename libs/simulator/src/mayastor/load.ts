/**
 * What an application asks of its volume, as operations per second over time. Times are milliseconds since the model was
 * made. Each form has an integral in closed form, so that a counter costs the same whether a second or a month has passed.
 */
export type LoadProfile =
  | { readonly kind: 'steady'; readonly iops: number }
  | {
      readonly kind: 'daily';
      readonly lowIops: number;
      readonly highIops: number;
      readonly peakAtMs: number;
      readonly periodMs?: number;
    }
  | {
      readonly kind: 'burst';
      readonly idleIops: number;
      readonly burstIops: number;
      readonly everyMs: number;
      readonly burstMs: number;
      readonly offsetMs?: number;
    }
  | {
      readonly kind: 'drift';
      readonly fromIops: number;
      readonly toIops: number;
      readonly startMs: number;
      readonly durationMs: number;
    }
  | {
      /** Mean rates of consecutive steps, replayed `speed` times faster than life; the last one holds. */
      readonly kind: 'series';
      readonly iops: readonly number[];
      readonly stepMs?: number;
      readonly speed?: number;
      readonly startMs?: number;
    };

export interface LoadShape {
  /** Share of reads, 0 to 1; 0.7 unless told. */
  readonly readShare?: number;
  /** Bytes of one operation; 8192 unless told. */
  readonly blockBytes?: number;
  /** Mean latency of one operation in microseconds; 400 unless told. */
  readonly latencyUs?: number;
}

export type Load = LoadProfile & LoadShape;

/** Rate and accumulated operations of a load. */
export interface LoadCurve {
  readonly shape: Required<LoadShape>;
  /** Operations per second at `atMs`. */
  iopsAt(atMs: number): number;
  /** Operations from time 0 to `atMs`; never decreases. */
  operationsUntil(atMs: number): number;
}

const dayMs = 86_400_000;
const halfHourMs = 1_800_000;

export function createLoadCurve(load: Load): LoadCurve {
  const shape = {
    readShare: load.readShare ?? 0.7,
    blockBytes: load.blockBytes ?? 8_192,
    latencyUs: load.latencyUs ?? 400,
  };
  return { shape, ...curveOf(load) };
}

type Curve = Pick<LoadCurve, 'iopsAt' | 'operationsUntil'>;

function curveOf(load: LoadProfile): Curve {
  switch (load.kind) {
    case 'steady':
      return { iopsAt: () => load.iops, operationsUntil: (atMs) => (load.iops * atMs) / 1000 };
    case 'daily': {
      const mean = (load.lowIops + load.highIops) / 2;
      const swing = (load.highIops - load.lowIops) / 2;
      const angular = (2 * Math.PI) / (load.periodMs ?? dayMs);
      const wave = (atMs: number): number => Math.sin(angular * (atMs - load.peakAtMs));
      return {
        iopsAt: (atMs) => mean + swing * Math.cos(angular * (atMs - load.peakAtMs)),
        operationsUntil: (atMs) => (mean * atMs + (swing / angular) * (wave(atMs) - wave(0))) / 1000,
      };
    }
    case 'burst': {
      const offsetMs = load.offsetMs ?? 0;
      const extra = load.burstIops - load.idleIops;
      const burstMsUntil = (atMs: number): number => {
        const shifted = atMs - offsetMs;
        const rounds = Math.floor(shifted / load.everyMs);
        return rounds * load.burstMs + Math.min(shifted - rounds * load.everyMs, load.burstMs);
      };
      return {
        iopsAt: (atMs) => {
          const shifted = atMs - offsetMs;
          return shifted - Math.floor(shifted / load.everyMs) * load.everyMs < load.burstMs
            ? load.burstIops
            : load.idleIops;
        },
        operationsUntil: (atMs) => (load.idleIops * atMs + extra * (burstMsUntil(atMs) - burstMsUntil(0))) / 1000,
      };
    }
    case 'drift': {
      const progress = (atMs: number): number => Math.min(1, Math.max(0, (atMs - load.startMs) / load.durationMs));
      return {
        iopsAt: (atMs) => load.fromIops + (load.toIops - load.fromIops) * progress(atMs),
        operationsUntil: (atMs) => {
          const share = progress(atMs);
          const rampMs = share * load.durationMs;
          const heldMs = Math.max(0, atMs - load.startMs - load.durationMs);
          const beforeMs = Math.min(atMs, load.startMs);
          const rampIops = load.fromIops + ((load.toIops - load.fromIops) * share) / 2;
          return (load.fromIops * Math.max(0, beforeMs) + rampIops * rampMs + load.toIops * heldMs) / 1000;
        },
      };
    }
    case 'series':
      return seriesCurve(load.iops, (load.stepMs ?? halfHourMs) / (load.speed ?? 1), load.startMs ?? 0);
  }
}

function seriesCurve(iops: readonly number[], stepMs: number, startMs: number): Curve {
  const sums = new Float64Array(iops.length + 1);
  for (const [step, rate] of iops.entries()) sums[step + 1] = (sums[step] ?? 0) + (rate * stepMs) / 1000;
  const lastRate = iops.at(-1) ?? 0;
  return {
    iopsAt: (atMs) => {
      const step = Math.floor((atMs - startMs) / stepMs);
      return step < 0 ? 0 : (iops[step] ?? lastRate);
    },
    operationsUntil: (atMs) => {
      const elapsedMs = Math.max(0, atMs - startMs);
      const step = Math.min(iops.length, Math.floor(elapsedMs / stepMs));
      return (sums[step] ?? 0) + ((iops[step] ?? lastRate) * (elapsedMs - step * stepMs)) / 1000;
    },
  };
}
