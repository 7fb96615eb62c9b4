import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { commonFlags } from './command-line.ts';
import { verbs } from './verbs/all.ts';

const document = readFileSync(new URL('../../../docs/kubectl-couchestor.md', import.meta.url), 'utf8');

it('the document has a section with an example for each verb, and no other section of commands', () => {
  const sections = [...document.matchAll(/^## (\S+)\n([^]*?)(?=^## |(?![^]))/gm)];
  const withExamples = sections
    .filter(([, , text = '']) => text.includes('kubectl couchestor'))
    .map(([, name]) => name);
  expect(withExamples).toEqual(verbs.map(({ name }) => name));
});

it('the document names every flag', () => {
  const flags = [commonFlags, ...verbs.map((verb) => verb.flags)].flatMap((each) => Object.keys(each));
  const missing = flags.filter((flag) => flag !== 'help' && flag !== 'output' && !document.includes(`--${flag}`));
  expect(missing).toEqual([]);
});
