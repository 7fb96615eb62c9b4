import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createVitest, type TestModule } from 'vitest/node';
import { root } from '../bundle.ts';

/** The unit tests of the migrator, run with one mutant switched on after the other. */
export interface UnitTests extends AsyncDisposable {
  /** The first test that fails with it; undefined if none does. */
  failing(mutant: number): Promise<string | undefined>;
}

const SERVICE = 'services/migrator/src/';

/** Those of the core first, which take no time; small worlds are asked elsewhere. */
function testFiles(): string[] {
  const of = (folder: string): string[] =>
    readdirSync(root + folder)
      .filter((name) => /^[a-z-]+\.test\.ts$/.test(name) && name !== 'small-worlds.test.ts')
      .sort()
      .map((name) => root + folder + name);
  return [...of(`${SERVICE}core/`), ...of(SERVICE)];
}

/** @param text of a file with its switches, by its path from the root of the repository */
export async function createUnitTests(text: (file: string) => string | undefined): Promise<UnitTests> {
  const vitest = await createVitest(
    'test',
    {
      config: false,
      root,
      include: testFiles(),
      setupFiles: [fileURLToPath(new URL('switch-on.ts', import.meta.url))],
      watch: false,
      pool: 'threads',
      maxWorkers: 1,
      bail: 1,
      reporters: [{}],
      testTimeout: 20_000,
    },
    {
      plugins: [
        {
          name: 'switches',
          enforce: 'pre',
          transform: (_code, id) => {
            const [path = ''] = id.split('?');
            const switched = path.startsWith(root) ? text(path.slice(root.length)) : undefined;
            return switched === undefined ? undefined : { code: switched, map: null };
          },
        },
      ],
    },
  );
  const specifications = await vitest.globTestSpecifications();
  const order = testFiles();
  specifications.sort((a, b) => order.indexOf(a.moduleId) - order.indexOf(b.moduleId));
  const core = specifications.filter(({ moduleId }) => moduleId.includes('/core/'));
  const others = specifications.filter(({ moduleId }) => !moduleId.includes('/core/'));

  const failingOf = async (of: typeof specifications, mutant: number | undefined): Promise<string | undefined> => {
    vitest.provide('mutant', mutant ?? -1);
    const { testModules, unhandledErrors } = await vitest.runTestSpecifications(of);
    const failed = testModules.flatMap(failedIn);
    return (
      failed[0] ??
      (unhandledErrors.length > 0 ? `an error that no test foresaw: ${String(unhandledErrors[0])}` : undefined)
    );
  };
  const broken = await failingOf(specifications, undefined);
  if (broken !== undefined) {
    await vitest.close();
    throw new Error(`fails where nothing was changed: ${broken}`);
  }
  /** One run at a time. */
  let last: Promise<unknown> = Promise.resolve();
  return {
    failing: (mutant) => {
      const asked = last.then(async () => (await failingOf(core, mutant)) ?? (await failingOf(others, mutant)));
      last = asked.catch(() => undefined);
      return asked;
    },
    [Symbol.asyncDispose]: () => vitest.close(),
  };
}

function failedIn(module: TestModule): string[] {
  const file = module.moduleId.slice(root.length);
  const tests = [...module.children.allTests('failed')].map((each) => `${file}: ${each.fullName}`);
  return tests.length > 0 || module.state() !== 'failed' ? tests : [`${file} as a whole`];
}
