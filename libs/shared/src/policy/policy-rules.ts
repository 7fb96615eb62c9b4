import type { LabelSelector } from './label-selector.ts';
import type { SpecRule } from './spec-rule.ts';

/** The fields of a spec, defaults filled in, that rules compare with each other. */
interface Compared {
  readonly highWatermarkIOPS: number;
  readonly lowWatermarkIOPS: number;
  readonly warmWatermarkIOPS?: number | undefined;
  readonly nvmePoolSelector?: LabelSelector | undefined;
  readonly hotPoolSelector?: LabelSelector | undefined;
  readonly warmPoolSelector?: LabelSelector | undefined;
  readonly sataPoolSelector?: LabelSelector | undefined;
  readonly coldPoolSelector?: LabelSelector | undefined;
  readonly scoring: { readonly hotSharePercent?: number | undefined };
}

type Rule = SpecRule<Compared>;
/** Fields that stand for themselves. */
type Field = Exclude<keyof Compared, 'scoring'>;

function oneName(first: Field, second: Field, tier: string): readonly Rule[] {
  return [
    {
      cel: `has(self.${first}) || has(self.${second})`,
      holds: (self) => self[first] !== undefined || self[second] !== undefined,
      member: first,
      missing: true,
      sentence: `${first} must be set: name the labels of the ${tier} DiskPools (${second} is another name for the same field)`,
    },
    {
      cel: `!has(self.${first}) || !has(self.${second})`,
      holds: (self) => self[first] === undefined || self[second] === undefined,
      member: second,
      sentence: `${second} is another name for ${first}, which is set as well: remove one of the two`,
    },
  ];
}

/** Two tiers of one and the same label leave every pool without a tier. Only equal matchLabels are looked at. */
function apart(first: Field, second: Field): Rule {
  const onlyLabels = (name: string): string =>
    `has(self.${name}) && has(self.${name}.matchLabels) && !has(self.${name}.matchExpressions)`;
  const labelsOf = (selector: Compared[Field]): readonly string[] | undefined =>
    typeof selector !== 'object' || selector.matchLabels === undefined || selector.matchExpressions !== undefined
      ? undefined
      : Object.entries(selector.matchLabels)
          .map((label) => label.join('='))
          .sort();
  return {
    cel: `!(${onlyLabels(first)} && ${onlyLabels(second)} && self.${first}.matchLabels == self.${second}.matchLabels)`,
    holds: (self) => {
      const labels = labelsOf(self[first])?.join();
      return labels === undefined || labels !== labelsOf(self[second])?.join();
    },
    member: second,
    sentence: `${second} must not select the pools of ${first}: name labels that only the DiskPools of its own tier have`,
  };
}

/** What the fields of a policy must be to each other. */
export const specRules: readonly Rule[] = [
  {
    cel: 'self.highWatermarkIOPS > self.lowWatermarkIOPS',
    holds: (self) => self.highWatermarkIOPS > self.lowWatermarkIOPS,
    member: 'highWatermarkIOPS',
    sentence:
      'highWatermarkIOPS must be greater than lowWatermarkIOPS: raise highWatermarkIOPS or lower lowWatermarkIOPS',
  },
  {
    cel: '!has(self.warmWatermarkIOPS) || (self.warmWatermarkIOPS > self.lowWatermarkIOPS && self.warmWatermarkIOPS < self.highWatermarkIOPS)',
    holds: ({ warmWatermarkIOPS: warm, lowWatermarkIOPS: low, highWatermarkIOPS: high }) =>
      warm === undefined || (warm > low && warm < high),
    member: 'warmWatermarkIOPS',
    sentence:
      'warmWatermarkIOPS must be greater than lowWatermarkIOPS and less than highWatermarkIOPS: choose a number between the two',
  },
  {
    cel: '!has(self.warmWatermarkIOPS) || has(self.warmPoolSelector)',
    holds: (self) => self.warmWatermarkIOPS === undefined || self.warmPoolSelector !== undefined,
    member: 'warmPoolSelector',
    missing: true,
    sentence:
      'warmPoolSelector must be set with warmWatermarkIOPS: name the labels of the warm DiskPools, or remove warmWatermarkIOPS',
  },
  {
    cel: '!has(self.warmPoolSelector) || has(self.warmWatermarkIOPS)',
    holds: (self) => self.warmPoolSelector === undefined || self.warmWatermarkIOPS !== undefined,
    member: 'warmWatermarkIOPS',
    missing: true,
    sentence:
      'warmWatermarkIOPS must be set with warmPoolSelector: say from how many IOPS a volume is warm, or remove warmPoolSelector',
  },
  {
    cel: '!has(self.scoring) || !has(self.scoring.hotSharePercent) || !has(self.warmWatermarkIOPS)',
    holds: (self) => self.scoring.hotSharePercent === undefined || self.warmWatermarkIOPS === undefined,
    member: 'warmWatermarkIOPS',
    sentence:
      'warmWatermarkIOPS must not be set with scoring.hotSharePercent, which knows two tiers: remove one of the two',
  },
  ...oneName('nvmePoolSelector', 'hotPoolSelector', 'hot'),
  ...oneName('sataPoolSelector', 'coldPoolSelector', 'cold'),
  apart('nvmePoolSelector', 'sataPoolSelector'),
  apart('nvmePoolSelector', 'coldPoolSelector'),
  apart('hotPoolSelector', 'sataPoolSelector'),
  apart('hotPoolSelector', 'coldPoolSelector'),
  apart('nvmePoolSelector', 'warmPoolSelector'),
  apart('hotPoolSelector', 'warmPoolSelector'),
  apart('sataPoolSelector', 'warmPoolSelector'),
  apart('coldPoolSelector', 'warmPoolSelector'),
];
