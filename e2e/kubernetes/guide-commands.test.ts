import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { allRows, spoken } from './pods/guide-rows.ts';

/** Commands of the guide that no row runs, with the reason. */
const notRun: Readonly<Record<string, string>> = {
  'KUBECONFIG=~/.kube/config COUCHESTOR_IMAGE_LOAD="kind load image-archive" npm run cluster -- up':
    'the tests in pods begin with it, on a cluster and with a loader of their own',
  'npm run cluster -- status': 'the end of `up` prints the same',
  'npm run cluster -- down': 'the tests in pods end with it',
  'kubectl label diskpool -n mayastor POOL tier=hot': 'the pools of the evaluation are labelled',
  'npm run bundle': '`up` begins with it',
  'for part in watcher scorer migrator; do docker build': 'images.test.ts builds them; there is no registry to push to',
  'kubectl create secret generic couchestor-credentials -n kube-system':
    'for servers with credentials; a dry run takes the overlay that mounts them',
  'kubectl create configmap couchestor-ca -n kube-system': 'for servers with TLS; a dry run takes the overlay',
  'kubectl apply --server-side -f deploy/kustomize/base/crd': '`up` does the same',
  'kubectl wait --for=condition=Established -f deploy/kustomize/base/crd': '`up` does the same',
  'kubectl apply --server-side -k deploy/kustomize/overlays/CLUSTER': 'a dry run takes every overlay',
  'kubectl wait -n kube-system --for=condition=Available --timeout=180s deployment -l app=couchestor':
    '`up` waits for each by its name',
  "watch kubectl get storagepolicies -o custom-columns='NAME:.metadata.name,ACTIVE:.status.activeMigrations'":
    'watch needs a terminal; a row runs what it repeats',
  'curl "http://prometheus:9090/api/v1/query?query=count(volume_num_read_ops)"':
    'the address is an example; a row asks the same through the proxy of the API server',
  'kubectl logs -n mayastor -l app=api-rest': 'the simulated Mayastor is one pod, whose logs a row shows',
  'kubectl mayastor get volumes -n mayastor': 'a plugin of Mayastor',
};

/** Commands in fenced blocks and between backquotes, as one line each without comments. */
function commandsOf(guide: string): readonly string[] {
  const blocks = [...guide.matchAll(/^( *)```bash\n(.*?)^ *```$/gms)].flatMap(([, indent = '', block = '']) =>
    statementsOf(block.replaceAll(new RegExp(`^${indent}`, 'gm'), '')),
  );
  const inline = [...guide.matchAll(/`((?:kubectl|npm|docker|watch|curl) [^`]*)`/g)].flatMap(([, command = '']) =>
    // A name alone, or a command with something left out, is spoken of, not to be typed.
    /…|\.\.\.|^kubectl( couchestor)? [a-z]+$|^kubectl logs -l/.test(command) ? [] : [command],
  );
  return [...blocks, ...inline];
}

function statementsOf(block: string): readonly string[] {
  const statements: string[] = [];
  let open: RegExp | undefined;
  for (const line of block.replaceAll(/\\\n */g, '').split('\n')) {
    const text = line.replace(/(^|\s{2,})# .*$/, '').trimEnd();
    if (open !== undefined) {
      statements.push(`${statements.pop() ?? ''}\n${text}`);
      if (open.test(text)) open = undefined;
    } else if (text !== '') {
      statements.push(text);
      if (text.includes('<<EOF')) open = /^EOF$/;
      else if (text.startsWith('for ')) open = /^done$/;
    }
  }
  return statements;
}

/** The first lines of an alias, without comments: how a guide and a row both have it. */
const plain = (command: string): string =>
  command
    .replaceAll(/ {2}# .*$/gm, '')
    .replace(/\n\w+$/, '')
    .replace(/^ {2}enabled: true\n/m, '')
    .replace(/\s+/g, ' ');

test('each command of the operator guide is run in pods, or it is said here why not', async () => {
  const guide = await readFile(new URL('../../docs/operator-guide.md', import.meta.url), 'utf8');
  const commands = [...new Set(commandsOf(guide).map(plain))];
  expect(commands.length).toBeGreaterThan(50);
  const run = new Set([...allRows.map(({ command }) => plain(command)), ...Object.values(spoken).map(plain)]);
  const reasoned = Object.keys(notRun);
  const isReasoned = (command: string): boolean => reasoned.some((beginning) => command.startsWith(beginning));
  expect(commands.filter((command) => !run.has(command) && !isReasoned(command))).toEqual([]);
  expect(reasoned.filter((beginning) => !commands.some((command) => command.startsWith(beginning)))).toEqual([]);
  expect(reasoned.filter((beginning) => run.has(beginning))).toEqual([]);
});
