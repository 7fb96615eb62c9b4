/** What decisions are made of and by, for whoever decides without this service around them. */
export { decisionIdentity, evaluationIdentity } from './adapters/bus-announcements.ts';
export { createCronerCalendar } from './adapters/croner-calendar.ts';
export { awaitedScores, createWorldBuilder, jumpedScores, outdatedScores } from './build-world.ts';
export { decide } from './core/decide.ts';
export { unknownScores, type ScoreTable } from './core/score-table.ts';
export type { IntentState, MoveStart } from './core/world.ts';
export type { ObservedWorld } from './ports.ts';
export { toDecisionMade, toMigrationRequested, toPolicyEvaluated } from './present-decision.ts';
export { readIntent } from './read-facts.ts';
export { createRefusalRecord } from './refusal-record.ts';
