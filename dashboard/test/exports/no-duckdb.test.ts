import { expect, it, vi } from 'vitest';
import { faultsOfQueries } from '../../src/exports/check-queries.js';
import { sampleConfig } from '../sample.js';

vi.mock('@duckdb/node-api', () => {
  throw new Error("Cannot find package '@duckdb/node-api' imported from /somewhere/check-queries.js");
});

const EXPORT = 'exports: { all: { query: "SELECT * FROM customers", format: csv, to: /tmp/all } }';

it('says in words that queries cannot be checked where DuckDB cannot be loaded, beside what else is wrong with the file', async () => {
  const [fault, ...others] = await faultsOfQueries(sampleConfig('/nowhere', 'csv', EXPORT));
  expect(others).toEqual([]);
  expect(fault?.path).toBe('exports');
  expect(fault?.message).toMatch(
    /^the queries are checked with DuckDB, which cannot be loaded on this machine: run npm ci/,
  );
  expect(fault?.message).not.toContain('Cannot find package');
});
