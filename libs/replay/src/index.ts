export { advise, settingOf, type Advice, type Advised } from './advise.ts';
export { clairvoyantBest, type Budget, type Clairvoyant } from './clairvoyant.ts';
export { bestWithin, crossValidate, scoreOf, type CrossValidation } from './cross-validate.ts';
export { createHistoryBuilder, HistoryError, totalRequests, type History } from './history.ts';
export { replay, type Outcome, type Setting } from './replay.ts';
export { averagesFromZero, scoresOf, type ScoreAt } from './scores.ts';
export { syntheticHistory, type SyntheticFleet } from './synthetic.ts';
