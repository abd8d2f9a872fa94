import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { stringifyJson, systemClock } from '@tributary/shared';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { listTables } from '../../producer/src/operate/list.js';
import { describeSource } from '../../producer/test/sources/conformance.js';
import { entityOf, readerOf } from '../../producer/test/sources/sql/reader.js';
import { startCuttableWay } from '../integration/cuttable-way.js';
import { mariadbFor, PASSWORD, type TestDatabase } from '../integration/sources/databases.js';
import { findOrInstall } from '../services/apt.js';
import { onPath } from '../services/binaries.js';
import { type PrivateService, uniqueName } from '../services/handle.js';
import { startPrivateMariadb } from '../services/mariadb.js';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/tributary/odbc/', import.meta.url));
const VERSION = '2.6.0';

/** Where Debian puts the driver, by machine. */
const DRIVERS = ['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/odbc/libmaodbc.so`);

let server: PrivateService;
let database: TestDatabase;

beforeAll(async () => {
  const isThere = () => (onPath('odbcinst') && DRIVERS.some((file) => existsSync(file)) ? true : undefined);
  await findOrInstall(isThere, ['unixodbc', 'unixodbc-dev', 'odbc-mariadb', 'make', 'g++'], console.log);
  await installPackage();
  // The driver is looked for where the producer runs, too.
  const before = process.cwd();
  process.chdir(CACHE);
  server = await startPrivateMariadb();
  database = await mariadbFor(server.url);
  return () => process.chdir(before);
}, 900_000);

afterAll(async () => {
  await server?.stop();
});

async function installPackage(): Promise<void> {
  if (existsSync(join(CACHE, 'node_modules', 'odbc', 'lib', 'bindings'))) return;
  mkdirSync(CACHE, { recursive: true });
  const args = ['install', '--prefix', CACHE, '--no-save', '--no-audit', '--no-fund', `odbc@${VERSION}`];
  await promisify(execFile)('npm', args).catch((cause: unknown) => {
    throw new Error(
      `the package odbc cannot be installed for its tests: it compiles, and needs unixodbc-dev, make and g++`,
      { cause },
    );
  });
}

/** The same database, through ODBC. */
function odbcUrl(text: string): string {
  const url = new URL(text.replace(/^mysql:/, 'odbc:'));
  url.searchParams.set('driver', 'MariaDB Unicode');
  return url.href;
}

async function tableIn(columns: string): Promise<string> {
  const table = uniqueName('table');
  await database.run(`CREATE TABLE ${table} (${columns}) CHARACTER SET utf8mb4`);
  onTestFinished(() => database.run(`DROP TABLE ${table}`));
  return table;
}

const sourceOf = (settings: object, more: object = {}) => readerOf({ url: odbcUrl(database.url), ...settings }, more);

describeSource('ODBC', async () => {
  const table = await tableIn('id varchar(20) PRIMARY KEY, updated_at datetime(6) NOT NULL');
  const way = await startCuttableWay(database.url);
  const settings = { url: odbcUrl(way.url), table, entity: 'customer', map: { updatedAt: '$.updated_at' }, chunk: 10 };
  const { endpoint, source } = sourceOf(settings);
  return {
    endpoint,
    source,
    secret: PASSWORD,
    now: () => systemClock.now(),
    async put(records) {
      const written = records.map(({ id, updatedAt }) => `('${id}', '${updatedAt.slice(0, -1).replace('T', ' ')}')`);
      await database.run(`INSERT INTO ${table} VALUES ${written.join(', ')}`);
    },
    async goAway() {
      way.close();
      return async () => way.open();
    },
  };
});

test('gives every type exactly, also decimals of forty digits', async () => {
  const table = await tableIn(
    'id bigint PRIMARY KEY, wide decimal(40, 10), double8 double, text_ varchar(20), at datetime(6), bytes varbinary(5), yes tinyint(1), day date, bit1 bit(1)',
  );
  await database.run(
    `INSERT INTO ${table} VALUES (9007199254740993, 123456789012345678901234567890.0123456789, 0.1, 'ä😀', '2026-01-01 00:00:00.123456', x'00ff', 1, '2026-02-28', b'1')`,
  );
  const fields = entityOf({ id: 'integer', yes: 'boolean?', bit1: 'boolean?' });
  const [record] = await sourceOf({ table, incremental: false }, fields).records();
  expect(JSON.parse(stringifyJson(record) ?? '')).toEqual({
    id: '9007199254740993',
    wide: '123456789012345678901234567890.0123456789',
    double8: 0.1,
    text_: 'ä😀',
    at: '2026-01-01 00:00:00.123456',
    bytes: 'AP8=',
    yes: true,
    day: '2026-02-28',
    bit1: true,
  });
});

test('reads by a version that is a decimal and a key of large numbers, in chunks', async () => {
  const table = await tableIn('id bigint PRIMARY KEY, version decimal(30, 0) NOT NULL');
  const ids = Array.from({ length: 20 }, (_, row) => String(9_007_199_254_740_993n + BigInt(row)));
  await database.run(`INSERT INTO ${table} VALUES ${ids.map((id) => `(${id}, ${id}0)`).join(', ')}`);
  const entity = entityOf({ id: 'integer', version: 'integer' }, { version: 'version' });
  const { records } = sourceOf({ table, chunk: 3, incremental: { overlap: 0 } }, entity);
  expect((await records()).map((one) => String((one as { id: unknown }).id))).toEqual(ids);
  expect(await records(`${ids[15]}0`)).toHaveLength(5);
});

test.each([
  ['table_unknown', { table: 'none' }],
  ['query_refused', { query: 'SELEKT 1' }],
])('says with %s what a person has to change', async (code, settings) => {
  await expect(
    sourceOf({ incremental: false, ...settings }, entityOf({ id: 'integer' })).records(),
  ).rejects.toMatchObject({ code });
});

test('lists tables with keys and types, and says which driver is missing', async () => {
  const table = await tableIn('id int PRIMARY KEY, updated_at datetime NOT NULL');
  const lines: string[] = [];
  await listTables({ url: odbcUrl(database.url), table, write: (text) => void lines.push(text) });
  expect(lines.join('')).toMatch(/id: int, of the key, not null[\s\S]*key: id\n {2}version: updated_at/);
  const wrong = listTables({ url: 'odbc://reader@127.0.0.1?driver=No+such+MySQL', write() {} });
  await expect(wrong).rejects.toMatchObject({
    code: 'database_unknown',
    message: expect.stringContaining('odbcinst -q -d'),
  });
});
