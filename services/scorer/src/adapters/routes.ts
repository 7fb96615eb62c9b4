import type { JsonAnswer, Routes } from '@couchestor/shared/service';
import { formatTimestamp } from '@couchestor/shared/units';
import type { Decision } from '../core/decision.ts';
import { whatWouldChangeIt } from '../core/explain.ts';
import { toDecisionMade } from '../present-decision.ts';
import type { LatestPass, Scorer } from '../scorer.ts';

const LIMIT_DEFAULT = 10_000;
const LIMIT_MAX = 100_000;

/**
 * What is asked of the scorer rather than published:
 * `GET /v1/scores?policy=&order=hottest|coldest&limit=`, `GET /v1/decisions?policy=&reason=&limit=` and
 * `GET /v1/decisions/<volume id or name of the PersistentVolume>`.
 */
export function addRoutes(routes: Routes, scorer: Scorer): void {
  const answer = (body: (pass: LatestPass) => JsonAnswer): JsonAnswer => {
    const pass = scorer.latest();
    if (pass !== undefined) return body(pass);
    return { status: 503, body: { error: 'nothing was decided here yet; perhaps another scorer leads' } };
  };
  routes.get('/v1/scores', ({ query }) =>
    answer((pass) => {
      const direction = query.get('order') === 'coldest' ? -1 : 1;
      const scores = selected(pass, query)
        .map(({ volumeId, volumeName, policy, tierNow, tierWanted, score }) => ({
          volumeId,
          volumeName,
          policyName: policy?.name,
          tierNow,
          tierWanted,
          score,
        }))
        .sort((a, b) => unknownLast(a, b) || direction * (iopsOf(b) - iopsOf(a)));
      return { status: 200, body: { ...head(pass), scores: scores.slice(0, limitOf(query)) } };
    }),
  );
  routes.get('/v1/decisions', ({ query }) =>
    answer((pass) => ({
      status: 200,
      body: { ...head(pass), decisions: selected(pass, query).slice(0, limitOf(query)).map(toDecisionMade) },
    })),
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

function selected({ outcome }: LatestPass, query: URLSearchParams): readonly Decision[] {
  const [policy, reason] = [query.get('policy'), query.get('reason')];
  return outcome.decisions.filter(
    (decision) =>
      (policy === null || decision.policy?.name === policy) && (reason === null || decision.reason === reason),
  );
}

function limitOf(query: URLSearchParams): number {
  const limit = Number(query.get('limit') ?? LIMIT_DEFAULT);
  return Number.isInteger(limit) && limit > 0 ? Math.min(limit, LIMIT_MAX) : LIMIT_DEFAULT;
}

type Scored = Pick<Decision, 'score'>;
const iopsOf = ({ score }: Scored): number => (score.kind === 'value' ? score.iops : 0);
const unknownLast = (a: Scored, b: Scored): number =>
  Number(a.score.kind === 'unknown') - Number(b.score.kind === 'unknown');
