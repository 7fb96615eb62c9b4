import { z } from 'zod';

/** What the services answer on their JSON routes, as far as it is shown here. Newer services may say more. */

const tierText = z.string();
const score = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('value'), iops: z.number(), coverage: z.number() }),
  z.object({ kind: z.literal('unknown'), reason: z.string() }),
]);
export type Score = z.infer<typeof score>;

const scored = z.object({
  volumeId: z.string(),
  volumeName: z.string(),
  policyName: z.string().optional(),
  tierNow: tierText,
  tierWanted: tierText.optional(),
  score,
});
export type Scored = z.infer<typeof scored>;
export const scoresAnswer = z.object({ decidedAt: z.string(), scores: z.array(scored) });

export const decisionAnswer = z.object({
  ...scored.shape,
  decidedAt: z.string(),
  action: z.string(),
  reason: z.string(),
  message: z.string(),
  comparedWith: z.object({ highIops: z.number(), lowIops: z.number(), warmIops: z.number().optional() }).optional(),
  nextEligibleAt: z.string().optional(),
  proposalId: z.string().optional(),
  whatWouldChangeIt: z.string().optional(),
});
export type Decision = z.infer<typeof decisionAnswer>;

const move = z.object({
  migrationId: z.string(),
  volumeId: z.string(),
  volumeName: z.string(),
  fromTier: tierText,
  toTier: tierText,
  replicasMoved: z.number(),
  replicaCount: z.number(),
  step: z.string(),
  targetPool: z.string().optional(),
  rebuildPercent: z.number().optional(),
  attention: z.string().optional(),
});
export type Move = z.infer<typeof move>;
export const movesAnswer = z.array(move);

export const volumeAnswer = z.object({
  volumeId: z.string(),
  sizeBytes: z.number(),
  replicaCount: z.number(),
  status: z.string(),
  targetNode: z.string().optional(),
  rebuilding: z.boolean(),
  snapshotCount: z.number(),
  tier: tierText.optional(),
  replicas: z.array(
    z.object({
      replicaId: z.string(),
      node: z.string().optional(),
      pool: z.string().optional(),
      state: z.string(),
      childState: z.string().optional(),
    }),
  ),
});
export type WatchedVolume = z.infer<typeof volumeAnswer>;

export const policiesAnswer = z.object({
  complete: z.boolean(),
  policies: z.array(z.object({ name: z.string(), problems: z.array(z.string()), overlappedBy: z.array(z.string()) })),
});

/** What a service needs, and what of it it has. */
export const readinessAnswer = z.object({
  dependencies: z.array(
    z.object({ name: z.string(), required: z.boolean(), ok: z.boolean(), reason: z.string().optional() }),
  ),
});
export type Readiness = z.infer<typeof readinessAnswer>;

/** How a migrator found that Mayastor can be fenced and steered. */
export const moverAnswer = z.object({ instance: z.string(), method: z.string() });
export type Mover = z.infer<typeof moverAnswer>;

const cordonLabels = z.object({ cordonlabels: z.array(z.string()).default([]) });
/** Mayastor's own answers. */
export const nodesAnswer = z.array(
  z.object({
    id: z.string(),
    spec: z
      .object({
        version: z.string().nullish(),
        cordondrainstate: z
          .object({
            cordonedstate: cordonLabels.nullish(),
            drainingstate: cordonLabels.nullish(),
            drainedstate: cordonLabels.nullish(),
          })
          .nullish(),
      })
      .nullish(),
    state: z.object({ status: z.string(), version: z.string().nullish() }).nullish(),
  }),
);
export type MayastorNode = z.infer<typeof nodesAnswer>[number];
export const poolsAnswer = z.array(
  z.object({
    id: z.string(),
    spec: z
      .object({ cordonDrain: z.object({ cordoned: z.record(z.string(), z.unknown()).nullish() }).nullish() })
      .nullish(),
    state: z.object({ status: z.string() }).nullish(),
  }),
);
export type MayastorPool = z.infer<typeof poolsAnswer>[number];
export const mayastorVolumesAnswer = z.object({
  entries: z.array(
    z.object({
      spec: z.object({ uuid: z.string(), num_replicas: z.number() }),
      state: z.object({ replica_topology: z.record(z.string(), z.unknown()).default({}) }),
    }),
  ),
  next_token: z.number().nullish(),
});
export interface MayastorVolume {
  readonly volumeId: string;
  readonly wantedReplicas: number;
  readonly replicas: number;
}
