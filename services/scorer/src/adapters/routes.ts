import type { Breathe } from '@couchestor/shared/clock';
import type { JsonAnswer, Routes } from '@couchestor/shared/service';
import { formatTimestamp } from '@couchestor/shared/units';
import type { Decision } from '../core/decision.ts';
import { whatWouldChangeIt } from '../core/explain.ts';
import { sorted } from '../core/sorted.ts';
import type { Steps } from '../core/steps.ts';
import { inSteps } from '../in-steps.ts';
import { toDecisionMade } from '../present-decision.ts';
import type { LatestPass, Scorer } from '../scorer.ts';

/** More would stop everything else while it is written. */
const LIMIT_MAX = 10_000;
/** As many decisions as are looked at in one step. */
const STEP = 1_000;

/**
 * What is asked of the scorer rather than published:
 * `GET /v1/scores?policy=&order=hottest|coldest&limit=`, `GET /v1/decisions?policy=&reason=&limit=` and
 * `GET /v1/decisions/<volume id or name of the PersistentVolume>`.
 */
export function addRoutes(routes: Routes, scorer: Scorer, breathe: Breathe): void {
  const answer = async (body: (pass: LatestPass) => JsonAnswer | Promise<JsonAnswer>): Promise<JsonAnswer> => {
    const pass = scorer.latest();
    if (pass !== undefined) return body(pass);
    return { status: 503, body: { error: 'nothing was decided here yet; perhaps another scorer leads' } };
  };
  routes.get('/v1/scores', ({ query }) =>
    answer(async (pass) => {
      const direction = query.get('order') === 'coldest' ? -1 : 1;
      const all = await inSteps(selected(pass, query), breathe);
      const hottestFirst = (a: Decision, b: Decision): number =>
        unknownLast(a, b) || direction * (iopsOf(b) - iopsOf(a));
      const scores = (await inSteps(sorted(all, hottestFirst), breathe))
        .slice(0, limitOf(query))
        .map(({ volumeId, volumeName, policy, tierNow, tierWanted, score }) => ({
          volumeId,
          volumeName,
          policyName: policy?.name,
          tierNow,
          tierWanted,
          score,
        }));
      return { status: 200, body: { ...head(pass), scores } };
    }),
  );
  routes.get('/v1/decisions', ({ query }) =>
    answer(async (pass) => {
      const all = await inSteps(selected(pass, query), breathe);
      const decisions = all.slice(0, limitOf(query)).map(toDecisionMade);
      return { status: 200, body: { ...head(pass), decisions } };
    }),
  );
  routes.get('/v1/decisions/:volume', ({ params }) =>
    answer((pass) => {
      const wanted = params['volume'];
      const decision = pass.outcome.decisions.find(
        ({ volumeId, volumeName }) => volumeId === wanted || volumeName === wanted,
      );
      if (decision === undefined) return { status: 404, body: { error: 'no such volume' } };
      return {
        status: 200,
        body: { ...head(pass), ...toDecisionMade(decision), whatWouldChangeIt: whatWouldChangeIt(decision) },
      };
    }),
  );
}

const head = ({ decidedAtMs }: LatestPass): { readonly decidedAt: string } => ({
  decidedAt: formatTimestamp(decidedAtMs),
});

function* selected({ outcome }: LatestPass, query: URLSearchParams): Steps<readonly Decision[]> {
  const [policy, reason] = [query.get('policy'), query.get('reason')];
  const found: Decision[] = [];
  for (const [index, decision] of outcome.decisions.entries()) {
    if (index % STEP === 0) yield;
    const isMeant =
      (policy === null || decision.policy?.name === policy) && (reason === null || decision.reason === reason);
    if (isMeant) found.push(decision);
  }
  return found;
}

function limitOf(query: URLSearchParams): number {
  const limit = Number(query.get('limit') ?? LIMIT_MAX);
  return Number.isInteger(limit) && limit > 0 ? Math.min(limit, LIMIT_MAX) : LIMIT_MAX;
}

type Scored = Pick<Decision, 'score'>;
const iopsOf = ({ score }: Scored): number => (score.kind === 'value' ? score.iops : 0);
const unknownLast = (a: Scored, b: Scored): number =>
  Number(a.score.kind === 'unknown') - Number(b.score.kind === 'unknown');
