import type { PlantedDefect } from './planted-defect.ts';

const leases = 'libs/shared/src/leases';
const migrator = 'services/migrator/src';

/** What reviews found that no world had anything to say to. */
export const inHoles: readonly PlantedDefect[] = [
  {
    name: 'an old owner may give room back',
    says: 'what an owner of before gives back late makes room beside a move that goes on',
    file: `${leases}/memory-lease-server.ts`,
    find: 'if (record !== undefined && isOvertaken(request, record)) return;\n      const untilMs',
    replace: 'const untilMs',
  },
  {
    name: 'a fence need not outlast its call',
    says: 'a call is sent however soon the lease of its fence lapses',
    file: `${migrator}/move-guards.ts`,
    find: '(!fence.isTaken || fence.lasts(leadMs)) &&',
    replace: '',
  },
];
