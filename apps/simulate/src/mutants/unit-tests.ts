import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createVitest, type TestModule, type Vitest } from 'vitest/node';
import { root } from '../bundle.ts';

/** The unit tests of the migrator, run with one mutant switched on after the other. */
export interface UnitTests extends AsyncDisposable {
  /** The first test of these that fails with it; undefined if none does. */
  failing(mutant: number, which: TestGroups): Promise<string | undefined>;
}

/** Those of the core, which take a second, and all others. */
export type TestGroups = 'core' | 'rest';

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

/** Longer than all of them take on a busy machine. */
const STANDSTILL_MS = 180_000;

/** @param text of a file with its switches, by its path from the root of the repository */
export async function createUnitTests(text: (file: string) => string | undefined): Promise<UnitTests> {
  const order = testFiles();
  const those = (part: RegExp): string[] => order.filter((file) => part.test(file));
  // What takes no time, and then whole moves, up to the first that fails.
  const rest = [/\/src\/(?!move\.|no-free-node|core\/)/, /no-free-node/, /\/move\.test/];
  const groups: Readonly<Record<TestGroups, readonly string[][]>> = {
    core: [those(/\/core\//)],
    rest: rest.map(those),
  };
  let vitest = await start(order, text);
  /** Mutants that would have made a difference in a file of tests, where none was switched on. */
  const reaching = new Map<string, ReadonlySet<number>>();

  const failingIn = async (files: readonly string[], mutant: number): Promise<string | undefined> => {
    vitest.provide('mutant', mutant);
    const specifications = (await vitest.globTestSpecifications()).filter(({ moduleId }) => files.includes(moduleId));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), STANDSTILL_MS);
    });
    const ended = await Promise.race([vitest.runTestSpecifications(specifications), late]);
    clearTimeout(timer);
    if (ended === 'late') {
      void vitest.close();
      vitest = await start(order, text);
      return `${files.map((file) => file.slice(root.length)).join(', ')} come to no end`;
    }
    // What was run before is told of as well.
    const [failed] = ended.testModules.filter(({ moduleId }) => files.includes(moduleId)).flatMap(failedIn);
    const [error] = ended.unhandledErrors;
    return failed ?? (error === undefined ? undefined : `an error that no test foresaw: ${textOf(error)}`);
  };
  const failing = async (mutant: number, which: TestGroups): Promise<string | undefined> => {
    for (const group of groups[which]) {
      const files = group.filter((file) => reaching.get(file)?.has(mutant) !== false);
      const failed = files.length === 0 ? undefined : await failingIn(files, mutant);
      if (failed !== undefined) return failed;
    }
    return undefined;
  };
  const broken = (await failing(NONE, 'core')) ?? (await failing(NONE, 'rest'));
  if (broken !== undefined) {
    await vitest.close();
    throw new Error(`fails where nothing was changed: ${broken}`);
  }
  for (const module of vitest.state.getTestModules()) reaching.set(module.moduleId, new Set(module.meta().passed));
  /** One run at a time. */
  let last: Promise<unknown> = Promise.resolve();
  return {
    failing: (mutant, which) => {
      const asked = last.then(() => failing(mutant, which));
      last = asked.catch(() => undefined);
      return asked;
    },
    [Symbol.asyncDispose]: () => vitest.close(),
  };
}

const NONE = -1;

function start(include: string[], text: (file: string) => string | undefined): Promise<Vitest> {
  return createVitest(
    'test',
    {
      config: false,
      root,
      include,
      setupFiles: [fileURLToPath(new URL('switch-on.ts', import.meta.url))],
      watch: false,
      pool: 'threads',
      maxWorkers: 1,
      reporters: [{}],
      // It knows a file by its own text, and what the plugin below makes of that is another in each run.
      fsModuleCache: false,
      testTimeout: 60_000,
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
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : JSON.stringify(error));

function failedIn(module: TestModule): string[] {
  const file = module.moduleId.slice(root.length);
  const tests = [...module.children.allTests('failed')].map((each) => `${file}: ${each.fullName}`);
  return tests.length > 0 || module.state() !== 'failed' ? tests : [`${file} as a whole`];
}
