import type { KubernetesAccess } from '@couchestor/shared/kubernetes';
import { KubernetesStatusError } from '@couchestor/shared/kubernetes';
import { createVirtualClock } from '@couchestor/shared/clock';
import { expect, test } from 'vitest';
import { startKubernetesSource } from './kubernetes-source.ts';

test('does not hammer an API server that names a version of DiskPools which it no longer serves', async () => {
  const clock = createVirtualClock();
  let discoveries = 0;
  const answers: Readonly<Record<string, unknown>> = {
    '/apis/openebs.io': { preferredVersion: { version: 'v1beta3' } },
    '/apis/openebs.io/v1beta3': { resources: [{ name: 'diskpools' }] },
  };
  const answer = async (path: string): Promise<unknown> => {
    if (path === '/apis/openebs.io') discoveries += 1;
    const body = answers[path];
    if (body === undefined) throw new KubernetesStatusError(`GET ${path}`, 404, { reason: 'NotFound' }, undefined);
    return body;
  };
  const nothing = (): void => undefined;
  await using watches = startKubernetesSource({
    access: { request: ({ path }: { path: string }) => answer(path) } as unknown as KubernetesAccess,
    diskPoolNamespace: undefined,
    clock,
    random: () => 0.5,
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  });
  for (let second = 0; second < 20; second += 1) await clock.advance(1_000);
  expect(discoveries).toBeGreaterThan(2);
  expect(discoveries).toBeLessThan(20);
  expect(watches.problem('diskpools')).toContain('404');
});
