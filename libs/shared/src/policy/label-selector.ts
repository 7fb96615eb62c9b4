import { z } from 'zod';

const labelMap = z.record(z.string().max(317), z.string().max(63));

const requirement = z.discriminatedUnion('operator', [
  z.object({
    key: z.string().min(1).max(317),
    operator: z.literal(['In', 'NotIn']),
    values: z.array(z.string()).min(1),
  }),
  z.object({
    key: z.string().min(1).max(317),
    operator: z.literal(['Exists', 'DoesNotExist']),
    values: z.array(z.string()).max(0).optional(),
  }),
]);

/** Kubernetes' LabelSelector. Empty selects everything; what must not be empty says so in its own schema. */
export const labelSelectorSchema = z.object({
  matchLabels: labelMap.optional(),
  matchExpressions: z.array(requirement).max(32).optional(),
});
export type LabelSelector = z.infer<typeof labelSelectorSchema>;

export type Labels = Readonly<Record<string, string>>;

export function selectorIsEmpty(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;
}

/** As the API server evaluates a LabelSelector: every label and every expression must hold. */
export function selectorMatches(selector: LabelSelector, labels: Labels): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (labels[key] !== value) return false;
  return (selector.matchExpressions ?? []).every((expression) => {
    const value = labels[expression.key];
    switch (expression.operator) {
      case 'In':
        return value !== undefined && expression.values.includes(value);
      case 'NotIn':
        return value === undefined || !expression.values.includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
    }
  });
}
