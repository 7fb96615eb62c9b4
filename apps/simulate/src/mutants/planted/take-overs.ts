import type { PlantedDefect } from './planted-defect.ts';

const core = 'services/migrator/src/core';
const migrator = 'services/migrator/src';

/** What whoever takes a move over waits for: calls that may yet take effect, and no others. */
export const inTakeOvers: readonly PlantedDefect[] = [
  {
    name: 'inherits no doubt',
    says: 'a count that the owner of before asked for last is not waited for',
    file: `${core}/inherited-doubt.ts`,
    find: 'count: round.growths + round.shrinks > 0 && round.countsOver !== true,',
    replace: 'count: round.growths + round.shrinks < 0,',
  },
  {
    name: 'a try leaves counts over',
    says: 'that no count can come any more stays in the record when another is asked for',
    file: `${core}/intent-changes.ts`,
    find: "round: { ...without(round, 'countsOver'), [kind]: round[kind] + 1 }",
    replace: 'round: { ...round, [kind]: round[kind] + 1 }',
  },
  {
    name: 'tries are not counted in advance',
    says: 'the record says that a count was tried only when it has been answered',
    file: `${core}/intent-changes.ts`,
    find: '[kind]: round[kind] + 1 }',
    replace: '[kind]: round[kind] }',
  },
  {
    name: 'only growths are waited for',
    says: 'a count that lowers is taken for over when its sender dies',
    file: `${core}/inherited-doubt.ts`,
    find: 'count: round.growths + round.shrinks > 0 && round.countsOver !== true,',
    replace: 'count: round.growths > 0 && round.shrinks === 0 && round.countsOver !== true,',
  },
  {
    name: 'inherited doubt is over at once',
    says: 'the time that a call of before may take is counted from when the lease was lost, twice',
    file: `${migrator}/move.ts`,
    find: 'Math.max(0, settings.lateEffectMs - settings.leaseTtlMs);',
    replace: 'Math.max(0, settings.lateEffectMs - 2 * settings.leaseTtlMs);',
  },
];
