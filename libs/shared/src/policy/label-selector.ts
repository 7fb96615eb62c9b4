import { z } from 'zod';
import { tooMany } from './problems.ts';
import { celText, textMax, withRules } from './spec-rule.ts';

const VALUE = '^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$';
const KEY = '^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$';
const valuePattern = new RegExp(VALUE);
const keyPattern = new RegExp(KEY);

const LABELS_MAX = 32;
const EXPRESSIONS_MAX = 32;
const VALUES_MAX = 64;

const labelValue = withRules(textMax(63), {
  cel: `self.matches(${celText(VALUE)})`,
  holds: (self) => valuePattern.test(self),
  sentence:
    'the value of a label[ is "{}" and] must be of letters, digits, "-", "_" and ".", begin and end with a letter or digit, or be empty: write the value that the label has',
});

const labelMap = withRules(
  z
    .record(z.string(), labelValue)
    .superRefine((labels, context) => {
      const found = Object.keys(labels).length;
      if (found > LABELS_MAX) {
        context.addIssue({ code: 'custom', message: tooMany(found, LABELS_MAX), continue: false });
      }
    })
    .meta({ maxProperties: LABELS_MAX, description: 'Labels that must all be there with exactly these values.' }),
  {
    cel: `self.all(key, key.matches(${celText(KEY)}))`,
    holds: (self) => Object.keys(self).every((key) => keyPattern.test(key)),
    sentence:
      'matchLabels has a key that no label can have: write NAME or PREFIX/NAME of letters, digits, "-", "_" and "."',
  },
);

const requirementSchema = withRules(
  z.object({
    key: withRules(textMax(317), {
      cel: `self.matches(${celText(KEY)})`,
      holds: (self) => keyPattern.test(self),
      sentence:
        'key[ is "{}" and] must be the key of a label: write NAME or PREFIX/NAME of letters, digits, "-", "_" and "."',
    }).meta({ description: 'The label that the condition is about.' }),
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']).meta({
      description:
        'In and NotIn compare with values (NotIn also holds where the label is absent); Exists and DoesNotExist look at the key alone.',
    }),
    values: z
      .array(labelValue)
      .max(VALUES_MAX, { abort: true })
      .meta({
        description: 'The values that In and NotIn compare with; none with Exists and DoesNotExist.',
        'x-kubernetes-list-type': 'atomic',
      })
      .optional(),
  }),
  {
    cel: `!(self.operator in ["In", "NotIn"]) || (has(self.values) && size(self.values) > 0)`,
    holds: ({ operator, values }) =>
      !(operator === 'In' || operator === 'NotIn') || (values !== undefined && values.length > 0),
    member: 'values',
    missing: true,
    sentence: 'values must have an entry with operator[ {operator}]: add one, or use Exists or DoesNotExist',
  },
  {
    cel: `self.operator in ["In", "NotIn"] || !has(self.values) || size(self.values) == 0`,
    holds: ({ operator, values }) => operator === 'In' || operator === 'NotIn' || (values ?? []).length === 0,
    member: 'values',
    sentence: 'values must be empty with operator[ {operator}]: remove them, or use In or NotIn',
  },
);

/** Kubernetes' LabelSelector. Empty selects everything; what must not be empty says so in its own schema. */
export const labelSelectorSchema = z
  .object({
    matchLabels: labelMap.optional(),
    matchExpressions: z
      .array(requirementSchema)
      .max(EXPRESSIONS_MAX, { abort: true })
      .meta({
        description: 'Conditions that must all hold, beside matchLabels.',
        'x-kubernetes-list-type': 'atomic',
      })
      .optional(),
  })
  .meta({ 'x-kubernetes-map-type': 'atomic' });
export type LabelSelector = z.infer<typeof labelSelectorSchema>;

export type Labels = Readonly<Record<string, string>>;

export function selectorIsEmpty(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;
}

/** As the API server evaluates a LabelSelector: every label and every expression must hold. */
export function selectorMatches(selector: LabelSelector, labels: Labels): boolean {
  const { matchLabels, matchExpressions } = selector;
  if (matchLabels !== undefined) {
    for (const [key, value] of Object.entries(matchLabels)) if (labels[key] !== value) return false;
  }
  return matchExpressions === undefined || matchExpressions.every((requirement) => holds(requirement, labels));
}

function holds({ key, operator, values = [] }: z.infer<typeof requirementSchema>, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}
