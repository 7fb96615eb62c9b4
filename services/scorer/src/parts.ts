/** What this service is built of, for whoever runs all services in one process. */
export { createAnnouncements } from './adapters/bus-announcements.ts';
export { openObservations } from './adapters/bus-observations.ts';
export { createCronerCalendar } from './adapters/croner-calendar.ts';
export { createLeadership, LEADERSHIP_TTL_MS } from './adapters/leadership.ts';
export type { Samples } from './core/fold-scores.ts';
export { MetricsError } from './metrics-error.ts';
export type { MetricsServer } from './ports.ts';
export type { ScoreLog } from './score-log.ts';
export type { ScorerMetrics } from './scorer-metrics.ts';
export { createScorer } from './scorer.ts';
