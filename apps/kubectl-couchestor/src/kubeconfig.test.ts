import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connect } from './kubeconfig.ts';

describe('the choice of a cluster', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kubeconfig-test-'));
    // What is left there is ours: others come and go in the common one.
    vi.stubEnv('TMPDIR', folder);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  /** One cluster and context of the file's name. */
  const write = (name: string, namespace?: string): string => {
    const file = join(folder, `${name}.yaml`);
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': name,
      clusters: [{ name, cluster: { server: `http://${name}.example:6443` } }],
      users: [{ name, user: {} }],
      contexts: [{ name, context: { cluster: name, user: name, ...(namespace === undefined ? {} : { namespace }) } }],
    };
    writeFileSync(file, JSON.stringify(config));
    return file;
  };
  const chosen = async (
    environment: Record<string, string>,
    target: { kubeconfig?: string; context?: string } = {},
  ): Promise<string> => {
    const { access, namespace } = await connect(environment, { kubeconfig: undefined, context: undefined, ...target });
    await access[Symbol.asyncDispose]();
    return `${access.baseUrl} ${namespace}`;
  };

  it('takes the current context of KUBECONFIG, with its namespace', async () => {
    expect(await chosen({ KUBECONFIG: write('one', 'shop') })).toBe('http://one.example:6443 shop');
  });

  it('prefers --kubeconfig to the environment', async () => {
    expect(await chosen({ KUBECONFIG: write('one') }, { kubeconfig: write('two') })).toContain('two');
  });

  it('takes the current context of the first of several files, as kubectl does', async () => {
    const files = [write('one'), join(folder, 'missing.yaml'), write('two', 'shop')].join(delimiter);
    expect(await chosen({ KUBECONFIG: files })).toBe('http://one.example:6443 default');
  });

  it('takes the named context of any of the files, and leaves no file behind', async () => {
    const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('kubectl-couchestor-')).length;
    const before = left();
    const files = [write('one'), write('two', 'shop')].join(delimiter);
    expect(await chosen({ KUBECONFIG: files }, { context: 'two' })).toBe('http://two.example:6443 shop');
    expect(left()).toBe(before);
  });

  it('names the contexts there are when another one is wanted', async () => {
    await expect(chosen({ KUBECONFIG: write('one') }, { context: 'two' })).rejects.toMatchObject({
      message: 'context "two" does not exist',
      remedy: 'Give one of one as --context.',
    });
  });

  it('says which file is not there', async () => {
    await expect(chosen({}, { kubeconfig: join(folder, 'none') })).rejects.toThrow('none does not exist');
    await expect(chosen({ KUBECONFIG: join(folder, 'none') })).rejects.toThrow('which does not exist');
    await expect(chosen({ HOME: folder })).rejects.toThrow('no cluster is configured');
  });
});
