import { defineConfig } from 'vitest/config';

/**
 * Files named `*.integration.test.ts` need real servers; `e2e/` runs whole services, `e2e/faults/` such while much
 * fails, `e2e/containers/` such with servers from Docker, `e2e/kubernetes/` such on a real API server, and
 * `e2e/kubernetes/pods/` such in pods; all else is pure and quick.
 */
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    // What a check found is said whole: it may be all that is known of a failure elsewhere.
    chaiConfig: { truncateThreshold: 0 },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{libs,services,apps,tools,examples}/**/*.test.ts', 'e2e/faults/measures/*.test.ts'],
          exclude: ['**/node_modules/**', '**/*.integration.test.ts'],
          // Seconds of computing, on a machine that may have much else to do.
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['{libs,services,apps}/**/*.integration.test.ts'],
          exclude: ['**/node_modules/**'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'e2e/containers/**', 'e2e/faults/**', 'e2e/kubernetes/**'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['e2e/faults/*.test.ts'],
          exclude: ['**/node_modules/**'],
          testTimeout: 400_000,
          hookTimeout: 120_000,
          // They wait for what lapses more than they work, so two at a time disturb each other little.
          fileParallelism: true,
        },
      },
      {
        extends: true,
        test: {
          name: 'containers',
          include: ['e2e/containers/**/*.test.ts'],
          exclude: ['**/node_modules/**'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'kubernetes',
          include: ['e2e/kubernetes/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'e2e/kubernetes/pods/**'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'pods',
          include: ['e2e/kubernetes/pods/**/*.test.ts'],
          exclude: ['**/node_modules/**'],
          globalSetup: ['e2e/kubernetes/pods/global-setup.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
