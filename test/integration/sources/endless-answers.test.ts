import { expect, inject, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../../producer/src/sources/sql/databases.js';
import { mariadbFor, postgresFor } from './databases.js';

const { signal } = new AbortController();

test.each([
  [
    'Postgres',
    () => postgresFor(inject('postgresUrl')),
    "SELECT repeat('x', 1000) AS a, generate_series(1, 100000000) AS b",
  ],
  ['Postgres, of one row', () => postgresFor(inject('postgresUrl')), "SELECT repeat('x', 200000000) AS a"],
  ['MariaDB', () => mariadbFor(inject('mariadbUrl')), "SELECT repeat('x', 1000) AS a FROM seq_1_to_100000000"],
  [
    'MariaDB, without the engine of sequences',
    () => mariadbFor(inject('mariadbUrl')),
    "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 4294967295) SELECT repeat('x', 1000) AS a FROM n a JOIN n b",
  ],
] as const)('rows without end of %s are cut, and told', { timeout: 60_000 }, async (_kind, open, text) => {
  const test = await open();
  onTestFinished(() => test.remove());
  const database = openDatabase({ url: test.url, timeout: 30_000, connectTimeout: 10_000, mostBytes: 5_000_000 });
  onTestFinished(() => database.close());
  const began = process.memoryUsage().rss;
  await expect(database.query({ text, values: [] }, signal)).rejects.toMatchObject({
    name: 'FatalError',
    code: 'answer_too_large',
  });
  expect(process.memoryUsage().rss - began).toBeLessThan(600_000_000);
  // Another connection takes its place.
  expect((await database.query({ text: 'SELECT 1 AS one', values: [] }, signal)).rows).toEqual([['1']]);
});
