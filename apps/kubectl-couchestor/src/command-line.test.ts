import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startBench, type Bench } from './testing/bench.ts';
import { verbs } from './verbs/all.ts';

describe('the command line', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await startBench();
  });
  afterEach(() => bench[Symbol.asyncDispose]());

  it.each([[[]], [['help']], [['--help']]])('prints every verb for %j', async (args) => {
    const { code, out } = await bench.run(...args);
    expect(code).toBe(0);
    for (const { name, summary } of verbs) expect(out).toContain(`${name.padEnd(7)}  ${summary}`);
  });

  it.each(verbs.map(({ name }) => name))('explains %s, and asks the cluster nothing for it', async (name) => {
    const byFlag = await bench.run(name, '--help');
    const byVerb = await bench.run('help', name);
    expect(byFlag.out).toContain(`Usage: kubectl couchestor ${name}`);
    expect(byVerb.out).toBe(byFlag.out);
    expect(bench.requests).toEqual([]);
  });

  it('takes the common flags before the verb as well as after it', async () => {
    const before = await bench.run('-o', 'json', 'status');
    const after = await bench.run('status', '-ojson');
    expect(before.out).toBe(after.out);
    expect(JSON.parse(after.out)).toMatchObject({ paused: false, policies: [] });
  });

  it.each([
    [['statsu'], 'unknown verb "statsu"'],
    [['help', 'statsu'], 'unknown verb "statsu"'],
    [['status', '--colour'], "Unknown option '--colour'"],
    [['status', '--until', '1h'], "Unknown option '--until'"],
    [['status', '-o', 'xml'], 'unable to match a printer'],
    [['top', '-n', ''], '--namespace is empty'],
    [['status', '-n', 'shop'], 'status is not about one namespace'],
    [['explain', 'x', '-l', 'app=db'], 'explain selects nothing by labels'],
    [['pause', 'now'], '"now" is one word too many'],
  ])('says what is wrong with %j, with a remedy, and asks the cluster nothing', async (args, problem) => {
    const { code, out, err } = await bench.run(...args);
    expect(code).toBe(1);
    expect(out).toBe('');
    expect(err).toContain(`error: ${problem}`);
    expect(err.trimEnd().split('\n')).toHaveLength(2);
    expect(bench.requests).toEqual([]);
  });

  it('lets nothing from the cluster steer the terminal', async () => {
    bench.cluster.kubernetes.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'couchestor-control', namespace: 'kube-system' },
      data: { paused: 'true', reason: '\u001B[2Jgone' },
    });
    const { out } = await bench.run('status');
    expect(out).toContain('gone');
    expect(out).not.toContain('\u001B');
  });
});
