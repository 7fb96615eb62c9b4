import type { TestProject } from 'vitest/node';
import { obtainCluster, whyNoCluster } from '../obtain-cluster.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** What kubectl and `tools/cluster.ts` need in their environment; undefined if the tests are left out. */
    readonly podCluster: Readonly<Record<string, string>> | undefined;
  }
}

/** One cluster for all files, each of which deploys into it and clears away what it deployed. */
export default async function setUp(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const lacking = await whyNoCluster(process.env);
  if (lacking !== undefined) {
    // What is left out there is never run.
    if (process.env['COUCHESTOR_CI'] === 'true') throw new Error(`pods cannot be tested: ${lacking}`);
    console.warn(`\n*** SKIPPED, no pod ran: ${lacking}\n`);
    project.provide('podCluster', undefined);
    return undefined;
  }
  const cluster = await obtainCluster(process.env);
  console.log(`pods run in a Kubernetes of a ${cluster.origin}`);
  project.provide('podCluster', cluster.env);
  return async () => {
    await cluster[Symbol.asyncDispose]();
  };
}
