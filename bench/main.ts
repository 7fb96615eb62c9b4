/**
 * `npm run bench -- NAME… [--json]`: each benchmark is a file beside this one and goes by the file's name; without a name
 * all of them run. Prints a table for each, or with `--json` one object. Ends with 1 where a target was missed.
 */
import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { meets, type Benchmark, type Figure } from './figures/figure.ts';

const names = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.ts') && name !== 'main.ts')
  .map((name) => name.slice(0, -'.ts'.length))
  .sort();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
});
const unknown = positionals.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`unknown benchmark ${unknown.join(', ')}; there are ${names.join(', ')}`);
  process.exit(2);
}

const results: Record<string, readonly Figure[]> = {};
for (const name of positionals.length > 0 ? positionals : names) {
  const { benchmark } = (await import(`./${name}.ts`)) as { readonly benchmark: Benchmark };
  console.error(`── ${name}: ${benchmark.about}`);
  const figures = await benchmark.run((line) => console.error(`   ${line}`));
  results[name] = figures;
  if (!values.json) console.table(figures.map(rowOf));
}
if (values.json) console.log(JSON.stringify(results, undefined, 2));
process.exitCode = Object.values(results).flat().every(meets) ? 0 : 1;

function rowOf(figure: Figure): Readonly<Record<string, string>> {
  const { name, value, unit, atMost, atLeast } = figure;
  const bound = atMost === undefined ? (atLeast === undefined ? '' : `at least ${atLeast}`) : `at most ${atMost}`;
  return {
    figure: name,
    value: `${rounded(value)} ${unit}`.trim(),
    target: bound,
    met: bound === '' ? '' : said(figure),
  };
}

function said(figure: Figure): string {
  return meets(figure) ? 'yes' : 'NO';
}

function rounded(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
