import { HOUR_MS } from '@couchestor/shared/units';
import { expect, test } from 'vitest';
import { anEndedMove, aPolicy, aPool, aVolume, aWorld, NODE_NUMBERS, NOW_MS, withWarm } from '../../test/worlds.ts';
import { decide } from './decide.ts';
import type { MoveRequest } from './decision.ts';
import type { WindowState, WorldVolume } from './world.ts';

/**
 * Every pair of steps around the edges: each load at, just below and just above each watermark, then each other load, a
 * millisecond before, at and after the end of the cooldown, and as long a window as the move takes, or a millisecond
 * less. What moved moves back only for a load that crosses the other watermark, and not before its cooldown has passed.
 */
const LOADS = [0, 99.999, 100, 100.001, 499.999, 500, 500.001, 999.999, 1_000, 1_000.001, 1e8];
const PLACES = [
  ['hot-1', 'hot-2', 'hot-3'],
  ['cold-1', 'cold-2', 'cold-3'],
  ['warm-1', 'warm-2', 'warm-3'],
];
/** 10 GiB and 8 MiB, three times, by the GiB a second. */
const LASTS_MS = 31_000;
const pools = NODE_NUMBERS.flatMap((number) => (['hot', 'warm', 'cold'] as const).map((tier) => aPool(tier, number)));
const LIMITS = { maxVolumesInMotionPercent: 100 };

interface Step {
  readonly volume: WorldVolume;
  readonly iops: number;
  readonly warm: boolean;
  readonly nowMs: number;
  readonly window?: WindowState;
  readonly ended?: { readonly request: MoveRequest; readonly endedAtMs: number };
}

function requestIn({ volume, iops, warm, nowMs, window = { kind: 'open' }, ended }: Step): MoveRequest | undefined {
  const stored = { cooldownPeriod: '1h', limits: LIMITS, ...(warm ? withWarm : {}) };
  const policy = aPolicy({ v: iops }, stored, { window });
  const intents = new Map(
    ended === undefined
      ? []
      : [
          [
            'v',
            anEndedMove({
              fromTier: ended.request.fromTier,
              toTier: ended.request.toTier,
              startedAtMs: ended.endedAtMs - LASTS_MS,
              endedAtMs: ended.endedAtMs,
              regretsInRow: ended.request.regretsInRow,
            }),
          ] as const,
        ],
  );
  return decide(aWorld({ volumes: [volume], policies: [policy], pools, intents }), nowMs).requests[0];
}

/** The watermark that wants a volume there has been crossed. */
function speaksFor(tier: string, iops: number, warm: boolean): boolean {
  if (tier === 'hot') return iops >= 1_000;
  if (tier === 'cold') return iops <= 100;
  return warm && iops >= 500 && iops < 1_000;
}

test('no volume goes to and fro, whatever it does next, nor moves against its load', () => {
  let [moves, backs] = [0, 0];
  for (const warm of [false, true]) {
    for (const place of PLACES) {
      for (const iops of LOADS) {
        const volume = aVolume('v', place);
        const request = requestIn({ volume, iops, warm, nowMs: NOW_MS });
        const home = place[0]?.split('-')[0] ?? '';
        const wanted = ['hot', 'warm', 'cold'].find((tier) => speaksFor(tier, iops, warm));
        expect(request?.toTier).toBe(wanted === home ? undefined : wanted);
        if (request === undefined) continue;
        moves += 1;
        const { toTier } = request;
        const there = aVolume('v', [`${toTier}-1`, `${toTier}-2`, `${toTier}-3`]);
        const ended = { request, endedAtMs: NOW_MS };
        for (const next of LOADS) {
          for (const sinceMs of [0, HOUR_MS - 1, HOUR_MS, HOUR_MS + 1]) {
            const back = requestIn({ volume: there, iops: next, warm, nowMs: NOW_MS + sinceMs, ended });
            const mayGo = sinceMs >= HOUR_MS && !speaksFor(toTier, next, warm);
            const goal = ['hot', 'warm', 'cold'].find((tier) => speaksFor(tier, next, warm));
            expect([iops, next, sinceMs, back?.toTier]).toEqual([iops, next, sinceMs, mayGo ? goal : undefined]);
            if (back === undefined) continue;
            backs += 1;
            // A move that undoes the one before so soon doubles the next rest.
            const isRegret = back.toTier === request.fromTier;
            expect(back.regretsInRow).toBe(isRegret ? 1 : 0);
            const again = { request: back, endedAtMs: NOW_MS + sinceMs };
            const step = { volume: aVolume('v', place), iops, warm, ended: again };
            const restMs = isRegret ? 2 * HOUR_MS : HOUR_MS;
            expect(requestIn({ ...step, nowMs: again.endedAtMs + restMs - 1 })).toBeUndefined();
          }
        }
      }
    }
  }
  expect(moves).toBeGreaterThan(20);
  expect(backs).toBeGreaterThan(100);
});

test('a move starts in a window that lasts as long as it does, and in none that is a millisecond shorter', () => {
  const within = (leftMs: number | undefined) =>
    requestIn({
      volume: aVolume('v', ['cold-1', 'cold-2', 'cold-3']),
      iops: 5_000,
      warm: false,
      nowMs: NOW_MS,
      window: leftMs === undefined ? { kind: 'open' } : { kind: 'open', closesAtMs: NOW_MS + leftMs },
    });
  expect(within(undefined)).toBeDefined();
  expect(within(LASTS_MS)?.notAfterMs).toBe(NOW_MS);
  expect(within(LASTS_MS + 1)?.notAfterMs).toBe(NOW_MS + 1);
  expect(within(LASTS_MS - 1)).toBeUndefined();
  expect(within(0)).toBeUndefined();
});
