import { Client } from 'pg';
import { expect, inject, test } from 'vitest';
import { mariadbFor } from '../integration/sources/databases.js';
import { uniqueName } from '../services/handle.js';
import { runOnce } from './support/once.js';
import { readRows } from './support/output.js';
import { useStage } from './support/stage.js';

const stage = useStage();

async function postgres(...statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

const entity = (dataset: string, fields: object) => ({ dataset, queue: dataset, key: 'id', version: 'at', fields });

test('what a database holds that no field can take costs its own record alone, and is named', async () => {
  const [exact, times] = [uniqueName('exact'), uniqueName('times')];
  await postgres(
    `CREATE TABLE ${exact} (id int, wide numeric, ratio double precision, at timestamptz)`,
    `INSERT INTO ${exact} VALUES
      (1, 1234567890123456789012345678901234567890, 0.1, '2026-01-01 01:00:00.123456+02'),
      (2, 'NaN', 0.5, '2026-01-01'), (3, 1, 'NaN', '2026-01-01'), (4, 1, 'Infinity', '2026-01-01'),
      (5, 1, 0.5, 'infinity'), (6, 1, 0.5, NULL), (NULL, 1, 0.5, '2026-01-01'), (7, 0.10, -0.5, '2026-01-02')`,
  );
  stage.atEnd('the table of Postgres', () => postgres(`DROP TABLE ${exact}`));
  const mariadb = await mariadbFor(inject('mariadbUrl'));
  stage.atEnd('the reader of MariaDB', () => mariadb.remove());
  await mariadb.run(
    "SET time_zone = '+02:00', sql_mode = 'ALLOW_INVALID_DATES'",
    `CREATE TABLE ${times} (id int PRIMARY KEY, moment timestamp(6) NULL, wall datetime(6) NULL, at datetime(6) NOT NULL)`,
    `INSERT INTO ${times} VALUES
      (1, '2026-07-01 12:00:00.5', '2026-07-01 12:00:00.5', '2026-01-01'),
      (2, NULL, '0000-00-00 00:00:00', '2026-01-02'),
      (3, NULL, NULL, '2026-01-03')`,
  );
  stage.atEnd('the table of MariaDB', () => mariadb.run(`DROP TABLE ${times}`));

  const output = stage.path('out');
  const pipeline = {
    name: uniqueName('bad'),
    entities: {
      exact: entity('exact', { id: 'integer', wide: 'decimal', ratio: 'number', at: 'datetime' }),
      times: entity('times', {
        id: 'integer',
        moment: 'datetime?',
        wall: { type: 'datetime?', zone: 'Europe/Rome' },
        at: 'datetime',
      }),
    },
    endpoints: {
      exact: { source: 'sql', url: inject('postgresUrl'), table: exact, entity: 'exact', schedule: { every: '1h' } },
      times: { source: 'sql', url: mariadb.url, table: times, entity: 'times', schedule: { every: '1h' } },
    },
    sink: { type: 'csv', csv: { directory: output } },
  };
  const config = stage.write('bad.yaml', JSON.stringify(pipeline));
  const { summary, stderr } = await runOnce(stage, ['--config', config], {});

  const rows = async (dataset: string) =>
    (await readRows(output, dataset)).map(({ cells }) => cells).toSorted((a, b) => Number(a.id) - Number(b.id));
  expect(await rows('exact')).toMatchObject([
    { id: '1', wide: '1234567890123456789012345678901234567890', ratio: '0.1', at: '2025-12-31T23:00:00.123456Z' },
    { id: '7', ratio: '-0.5', at: '2026-01-02T00:00:00.000Z' },
  ]);
  // Both are one moment: the first by the zone of the session that wrote it, the second by the zone of the field.
  expect(await rows('times')).toMatchObject([
    { id: '1', moment: '2026-07-01T10:00:00.500Z', wall: '2026-07-01T10:00:00.500Z' },
    { id: '3', moment: '', wall: '' },
  ]);
  expect(summary.deadLettered).toBe(7);
  const died = new Map<string, number>();
  for (const { endpoint, field = '', count } of summary.died ?? []) {
    const where = `${endpoint}.${field}`;
    died.set(where, (died.get(where) ?? 0) + count);
  }
  expect(Object.fromEntries(died)).toEqual({
    'exact.at': 2,
    'exact.id': 1,
    'exact.ratio': 2,
    'exact.wide': 1,
    'times.wall': 1,
  });
  expect(stderr).toContain('it has no primary key');
  expect(stderr).toContain('2 rows lack their version or a part of their key');
});
