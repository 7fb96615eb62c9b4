import { expect, test } from 'vitest';
import { createRouteTable } from './routes.ts';

test('a route matches segment by segment, and hands over the named ones decoded', () => {
  const table = createRouteTable();
  const one = () => ({ status: 200, body: 'one' });
  const all = () => ({ status: 200, body: 'all' });
  table.get('/v1/scores', all);
  table.get('/v1/scores/:volume', one);
  expect(table.find('/v1/scores')).toEqual({ handler: all, params: {} });
  expect(table.find('/v1/scores/pvc-1%2F2')).toEqual({ handler: one, params: { volume: 'pvc-1/2' } });
  expect(table.find('/v1/scores/')).toBeUndefined();
  expect(table.find('/v1/scores/%zz')).toBeUndefined();
  expect(table.find('/v1/scores/a/b')).toBeUndefined();
});
