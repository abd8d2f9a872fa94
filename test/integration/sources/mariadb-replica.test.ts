import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { entityOf, readerOf } from '../../../producer/test/sources/sql/reader.js';
import type { PrivateService } from '../../services/handle.js';
import { startPrivateMariadb } from '../../services/mariadb.js';

let server: PrivateService;
beforeAll(async () => {
  server = await startPrivateMariadb();
}, 180_000);
afterAll(() => server?.stop());

async function run(...statements: readonly string[]): Promise<void> {
  const connection = await createConnection({ uri: server.url });
  for (const statement of statements) await connection.query(statement);
  await connection.end();
}

test('a MariaDB that replicates and may be written to is told of, to a user who may ask', async () => {
  await run(
    'CREATE TABLE read_here (id int PRIMARY KEY, at timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6))',
    'INSERT INTO read_here (id) VALUES (1)',
    "CREATE USER reader IDENTIFIED BY 'reader'",
    'GRANT SELECT, PROCESS ON *.* TO reader',
  );
  const doubtsOf = async (user?: string) => {
    const url = new URL(server.url);
    if (user !== undefined) Object.assign(url, { username: user, password: user });
    const entity = entityOf({ id: 'integer', at: 'datetime' }, { version: 'at' });
    const { records, doubts } = readerOf({ url: url.href, table: 'read_here', incremental: {} }, entity);
    expect(await records()).toHaveLength(1);
    return doubts;
  };
  expect(await doubtsOf()).toEqual([]);
  const primary = "MASTER_HOST = '127.0.0.1', MASTER_PORT = 1, MASTER_USER = 'nobody'";
  const told = expect.stringMatching(/a replica \(SHOW REPLICA STATUS\), and does not show .*set overlap/);
  for (const name of ['', "'reports'"]) {
    await run(`CHANGE MASTER ${name} TO ${primary}`);
    expect(await doubtsOf()).toEqual([told]);
    expect(await doubtsOf('reader')).toEqual([]);
    await run('GRANT SLAVE MONITOR ON *.* TO reader');
    expect(await doubtsOf('reader')).toEqual([told]);
    await run('REVOKE SLAVE MONITOR ON *.* FROM reader', `RESET SLAVE ${name} ALL`);
  }
  expect(await doubtsOf()).toEqual([]);
});
