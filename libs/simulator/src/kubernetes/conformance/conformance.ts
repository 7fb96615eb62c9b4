import { applyCases } from './apply-cases.ts';
import { discoveryCases } from './discovery-cases.ts';
import type { ConformanceCase } from './fixtures.ts';
import { listCases } from './list-cases.ts';
import { objectCases } from './object-cases.ts';
import { patchCases } from './patch-cases.ts';
import { validationCases } from './validation-cases.ts';
import { viewCases } from './view-cases.ts';
import { watchCases } from './watch-cases.ts';

/**
 * What a Kubernetes API server does with the kinds and verbs that CoucheStor uses. A case holds for the model and for a
 * real kube-apiserver alike; where they differ, the model is wrong.
 */
export const conformanceCases: readonly ConformanceCase[] = [
  ...discoveryCases,
  ...objectCases,
  ...validationCases,
  ...listCases,
  ...watchCases,
  ...patchCases,
  ...applyCases,
  ...viewCases,
];
