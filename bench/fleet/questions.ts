import { gunzipSync } from 'node:zlib';
import type { Clock } from '@couchestor/shared/clock';
import type { PolicyObserved } from '@couchestor/shared/messages';
import { parsePolicySpec } from '@couchestor/shared/policy';
import { Agent, request } from 'undici';
import { createScoreFold } from '../../services/scorer/src/core/fold-scores.ts';
import { chooseQueries, DISCOVERED_METRICS } from '../../services/scorer/src/core/score-queries.ts';
import { volumeId } from './volumes.ts';

/** What Prometheus alone needs: the questions of a cycle, one after the other, each answer parsed once. */
export async function askFloor(
  url: string,
  questions: readonly string[],
  rounds: number,
  clock: Clock,
): Promise<{ readonly roundsMs: readonly number[]; readonly bytes: number }> {
  await using stack = new AsyncDisposableStack();
  const agent = stack.adopt(new Agent(), (agent) => agent.close());
  const roundsMs: number[] = [];
  let bytes = 0;
  for (let round = 0; round < rounds; round += 1) {
    const beganMs = clock.monotonicMs();
    bytes = 0;
    for (const query of questions) bytes += await ask(agent, url, query);
    roundsMs.push(clock.monotonicMs() - beganMs);
  }
  return { roundsMs, bytes };
}

const SINGLE = 200;

/** The rates alone, of some volumes, one query for each. */
export async function askOneByOne(
  url: string,
  volumes: number,
  clock: Clock,
): Promise<{ readonly perVolumeMs: number }> {
  await using stack = new AsyncDisposableStack();
  const agent = stack.adopt(new Agent(), (agent) => agent.close());
  const beganMs = clock.monotonicMs();
  for (let index = 0; index < SINGLE; index += 1) {
    const label = `{pv_name="pvc-${volumeId(Math.floor((index * volumes) / SINGLE))}"}`;
    await ask(agent, url, `sum(rate(volume_num_read_ops${label}[1h])) + sum(rate(volume_num_write_ops${label}[1h]))`);
  }
  return { perVolumeMs: (clock.monotonicMs() - beganMs) / SINGLE };
}

/** The bulk queries of a cycle for that policy, with samples so far apart. */
export function questionsOf(policy: PolicyObserved, intervalMs: number): readonly string[] {
  const parsed = parsePolicySpec(policy.spec);
  if (parsed.kind === 'invalid') throw new Error(parsed.problems.join('; '));
  const chosen = chooseQueries(parsed.spec, new Set(DISCOVERED_METRICS));
  if (chosen.kind === 'none') throw new Error(chosen.metrics.message);
  const { numbers, evidence } = chosen.queries;
  const fold = createScoreFold(chosen.queries, 0, (label) => label);
  fold.spaced(intervalMs);
  return [
    ...(evidence === undefined ? [] : [evidence.sampleCount(''), evidence.lastSampleTime('')]),
    ...(numbers.kind === 'one'
      ? [numbers.query('')]
      : numbers.pieces.map((piece) => numbers.query(piece, fold.samplesDue(piece), ''))),
  ];
}

/** The bytes of its answer, unpacked. */
async function ask(dispatcher: Agent, url: string, query: string): Promise<number> {
  const response = await request(`${url}/api/v1/query`, {
    method: 'POST',
    dispatcher,
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'accept-encoding': 'gzip' },
    body: new URLSearchParams({ query }).toString(),
  });
  const raw = Buffer.from(await response.body.arrayBuffer());
  const text = (response.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString('utf8');
  const { status } = JSON.parse(text) as { readonly status: string };
  if (status !== 'success') throw new Error(`Prometheus answered ${text.slice(0, 200)}`);
  return text.length;
}
