import { inTheBudget } from './budget.ts';
import { caughtIn } from './caught-in.ts';
import { inDecisions } from './decisions.ts';
import { byFourthReview } from './fourth-review.ts';
import { inHoles } from './holes.ts';
import { inObservation } from './observation.ts';
import { inOwnership } from './ownership.ts';
import type { PlantedDefect } from './planted-defect.ts';
import { inTheProtocol } from './protocol.ts';
import { byReview } from './reviewed.ts';
import { byAnotherReview } from './reviewed-again.ts';
import { inTakeOvers } from './take-overs.ts';
import { byThirdReview } from './third-review.ts';

export const plantedDefects: readonly PlantedDefect[] = [
  ...inTheProtocol,
  ...inOwnership,
  ...inDecisions,
  ...inObservation,
  ...byReview,
  ...byAnotherReview,
  ...inTakeOvers,
  ...inTheBudget,
  ...inHoles,
  ...byThirdReview,
  ...byFourthReview,
].map((defect) => {
  const last = caughtIn[defect.name];
  return last === undefined ? defect : { ...defect, caughtIn: last };
});
