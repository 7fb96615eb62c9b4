import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KubeBed, kustomizeFolder, openKubeBed, prepareCluster, whyNoApiServer } from './kube-bed.ts';

const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'] as const;

/** `verb resource.group` or, for an object of a name, `verb resource.group/name`; the namespace in front. */
const rightsOfWatcher = [
  'default: create events',
  'kube-system: create leases.coordination.k8s.io',
  'kube-system: get configmaps/couchestor-control',
  'kube-system: get leases.coordination.k8s.io/couchestor-watcher',
  'kube-system: update leases.coordination.k8s.io/couchestor-watcher',
  'everywhere: get storagepolicies.storage.billyronks.io',
  'everywhere: list diskpools.openebs.io',
  'everywhere: list persistentvolumes',
  'everywhere: list storagepolicies.storage.billyronks.io',
  'everywhere: patch persistentvolumes',
  'everywhere: patch storagepolicies/status.storage.billyronks.io',
  'everywhere: watch diskpools.openebs.io',
  'everywhere: watch persistentvolumes',
  'everywhere: watch storagepolicies.storage.billyronks.io',
];

/** What the component volume-view adds. */
const rightsOfVolumeView = ['create', 'delete', 'list', 'patch'].map(
  (verb) => `mayastor: ${verb} mayastorvolumes.openebs.io`,
);

const namespaces = ['default', 'kube-system', 'mayastor', 'kube-public'] as const;
const accounts = ['couchestor', 'couchestor-scorer', 'couchestor-migrator'] as const;

interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

const leftOut = await whyNoApiServer();

describe.skipIf(leftOut !== undefined)('as a ServiceAccount of the base', () => {
  let bed: KubeBed;
  beforeAll(async () => {
    bed = await openKubeBed();
    await prepareCluster(bed);
    await bed.kubectl('apply', '--server-side', '--kustomize', join(kustomizeFolder, 'base'));
    await bed.kubectl('create', 'serviceaccount', 'nobody', '-n', 'kube-system');
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  const tokenOf = async (account: string): Promise<string> =>
    (await bed.kubectl('create', 'token', account, '-n', 'kube-system')).stdout.trim();

  /** All that the API server grants to the holder of a token, in one namespace and to objects without one. */
  const granted = async (token: string, namespace: string): Promise<Set<string>> => {
    const review = await bed.api.send('POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', {
      token,
      body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } },
    });
    const status = review.body['status'] as unknown as { incomplete: boolean; resourceRules: readonly Rule[] };
    expect(status.incomplete).toBe(false);
    const rights = status.resourceRules.flatMap((rule) =>
      rule.verbs.flatMap((verb) =>
        (rule.apiGroups ?? []).flatMap((group) =>
          (rule.resources ?? []).flatMap((resource) =>
            (rule.resourceNames ?? ['']).map((name) => spell(verb, group, resource, name)),
          ),
        ),
      ),
    );
    return new Set(rights);
  };

  /** What the account may and not everybody, as `place: right`. */
  const rightsOf = async (account: string): Promise<string[]> => {
    const [token, nobody] = [await tokenOf(account), await tokenOf('nobody')];
    const found: string[] = [];
    const sets = new Map<string, Set<string>>();
    for (const namespace of namespaces) {
      // What everybody may, such as asking for their own rights, is not ours to give or take.
      const everybodys = await granted(nobody, namespace);
      const own = [...(await granted(token, namespace))].filter((right) => !everybodys.has(right));
      sets.set(namespace, new Set(own));
    }
    const all = new Set([...sets.values()].flatMap((rights) => [...rights]));
    for (const right of all) {
      const where = namespaces.filter((namespace) => sets.get(namespace)?.has(right));
      found.push(...(where.length === namespaces.length ? ['everywhere'] : where).map((place) => `${place}: ${right}`));
    }
    return found.toSorted();
  };

  /** The API server hears of roles and bindings a moment after it has stored them. */
  const expectRightsOf = async (account: string, rights: readonly string[]): Promise<void> =>
    expect.poll(() => rightsOf(account), { timeout: 60_000 }).toEqual(rights.toSorted());

  /** The same for one namespace and what has none, asked for one by one over every resource that there is. */
  const allowedTo = async (account: string, namespace: string): Promise<string[]> => {
    const token = await tokenOf(account);
    const listed = await bed.kubectl('api-resources', '--no-headers', '--output=name');
    const resources = [
      ...listed.stdout.trim().split('\n'),
      'storagepolicies/status.storage.billyronks.io',
      'secrets/x',
    ];
    expect(resources.length).toBeGreaterThan(50);
    const allowed: string[] = [];
    for (const each of resources) {
      const [, resource = '', group = ''] = /^([^.]+)\.?(.*)$/.exec(each) ?? [];
      const answers = verbs.map(async (verb) => {
        const review = await bed.api.send('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
          token,
          body: {
            apiVersion: 'authorization.k8s.io/v1',
            kind: 'SelfSubjectAccessReview',
            spec: { resourceAttributes: { namespace, verb, ...attributesOf(resource, group) } },
          },
        });
        const { allowed: yes } = review.body['status'] as unknown as { allowed: boolean };
        if (yes) allowed.push(`${verb} ${each}`);
      });
      await Promise.all(answers);
    }
    const ownReviews = /self\w+reviews/;
    return allowed.filter((right) => !ownReviews.test(right)).toSorted();
  };

  test.each(accounts)('%s has its rights and no other', async (account) => {
    await expectRightsOf(account, account === 'couchestor' ? rightsOfWatcher : []);
  });

  test('with the component volume-view the watcher has the rights to its objects too, and all else is refused', async () => {
    const component = join(kustomizeFolder, 'components/volume-view');
    await bed.kubectl('apply', '--server-side', '-f', join(component, 'rbac.yaml'));
    const rights = [...rightsOfWatcher, ...rightsOfVolumeView];
    await expectRightsOf('couchestor', rights);
    const inMayastor = rights.filter((right) => /^(everywhere|mayastor):/.test(right));
    expect(await allowedTo('couchestor', 'mayastor')).toEqual(
      inMayastor.map((right) => right.replace(/^\w+: /, '')).toSorted(),
    );
  });

  test('the question of the operator guide is answered with yes', async () => {
    const account = '--as=system:serviceaccount:kube-system:couchestor';
    expect((await bed.kubectl('auth', 'can-i', 'get', 'storagepolicies', account)).stdout.trim()).toBe('yes');
  });

  test('pods of scorer and migrator get no token', async () => {
    const { stdout } = await bed.kubectl('get', 'deployments', '-n', 'kube-system', '--output=json');
    const { items } = JSON.parse(stdout) as {
      items: readonly {
        readonly metadata: { readonly name: string };
        readonly spec: { readonly template: { readonly spec: { readonly automountServiceAccountToken: boolean } } };
      }[];
    };
    const tokens = items.map(({ metadata, spec }) => [metadata.name, spec.template.spec.automountServiceAccountToken]);
    expect(Object.fromEntries(tokens)).toEqual({
      couchestor: true,
      'couchestor-scorer': false,
      'couchestor-migrator': false,
    });
  });
});

function spell(verb: string, group: string, resource: string, name: string): string {
  return `${verb} ${resource}${group === '' ? '' : `.${group}`}${name === '' ? '' : `/${name}`}`;
}

function attributesOf(resource: string, group: string): Record<string, string> {
  const [plural = '', subresource = ''] = resource.split('/');
  return { resource: plural, subresource, group };
}
