import { crossValidate, syntheticHistory, type Budget, type History, type Setting } from '@couchestor/replay';
import { readHalfHourFile } from '@couchestor/replay/file';
import { adviceOn, formatAdvice } from './advice.ts';
import { comparedSettings, rankedSettings } from './compared-settings.ts';
import type { ReplayOptions, Source } from './options.ts';
import { readPrometheusHistory } from './prometheus-history.ts';
import { policySetting, readPolicies } from './read-policy.ts';
import { formatCrossValidation, formatReport, reportOn } from './report.ts';

/** Moves that a budget grants a volume for each millisecond: 60 of 53 volumes in 339 half hours. */
const MOVES_PER_VOLUME_MS = 60 / 53 / (339 * 1_800_000);

const HALVES = 10;
const HALVES_SEED = 1;

/**
 * The text to print.
 *
 * @throws HistoryError for what the source or a policy is not
 */
export async function runReplay(options: ReplayOptions, signal: AbortSignal): Promise<string> {
  const named = (await Promise.all(options.policies.map(readPolicies))).flat();
  const history = await readHistory(options.source, signal);
  const budget: Budget = {
    occupancy: options.hotCapacity,
    moves: options.moves ?? Math.round(MOVES_PER_VOLUME_MS * history.names.length * history.steps * history.stepMs),
  };
  const { holdMs, volumeSizeBytes } = options;
  const settings: readonly Setting[] = [
    ...(options.compare ? [...comparedSettings(history), ...rankedSettings(history, budget.occupancy)] : []),
    ...named.map((policy) => policySetting(history, policy)),
  ];
  const report = settings.length === 0 ? undefined : reportOn({ history, settings, budget, holdMs, volumeSizeBytes });
  const advice = options.advise ? adviceOn(history, budget, holdMs) : undefined;
  const ranked = (of: History): readonly Setting[] => rankedSettings(of, budget.occupancy);
  const crossValidation = options.crossValidate
    ? crossValidate(history, ranked, budget, { halves: HALVES, seed: HALVES_SEED })
    : undefined;
  if (options.json) return JSON.stringify({ ...report, advice, crossValidation });
  return [
    ...(report === undefined ? [] : [formatReport(report)]),
    ...(advice === undefined ? [] : [formatAdvice(advice)]),
    ...(crossValidation === undefined ? [] : [formatCrossValidation(crossValidation)]),
  ].join('\n\n');
}

async function readHistory(source: Source, signal: AbortSignal): Promise<History> {
  switch (source.kind) {
    case 'file':
      return readHalfHourFile(source.path);
    case 'prometheus':
      return readPrometheusHistory(source, signal);
    case 'synthetic':
      return syntheticHistory(source);
  }
}
