import { createLogger, datasetsOf, describeError, RetryableError, systemClock } from '@tributary/shared';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { tableBodies } from '../../consumer/src/sinks/postgres/kept-bodies.js';
import { createPostgresSink } from '../../consumer/src/sinks/postgres/sink.js';
import { datasetNamed, partRow, pipeline } from '../../consumer/test/sinks/records.js';
import { createPostgresReader } from '../../dashboard/src/data/readers/postgres/reader.js';
import { keptStore } from '../../dashboard/src/dead-letters/kept-bodies.js';
import type { PrivateService } from '../services/handle.js';
import { startPrivatePostgresPair } from '../services/postgres.js';

const SILENT = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const ALL = { view: 'latest', search: '', where: [], sort: undefined, offset: 0, limit: 9 } as const;

let primary: PrivateService;
let standby: PrivateService;
beforeAll(async () => {
  ({ primary, standby } = await startPrivatePostgresPair());
});
afterAll(async () => {
  await standby.stop();
  await primary.stop();
});

async function ask<Row>(server: PrivateService, text: string): Promise<Row[]> {
  const client = new Client({ connectionString: server.url });
  await client.connect();
  try {
    return (await client.query(text)).rows as Row[];
  } finally {
    await client.end();
  }
}

const hostOf = ({ url }: PrivateService) => new URL(url).host;

test('the primary is found among several servers; when it goes, a standby is refused and waited for, and written to once it is promoted', async () => {
  // As libpq has it, and the standby first.
  const url = `postgres://tributary@${hostOf(standby)},${hostOf(primary)}/postgres?target_session_attrs=read-write`;
  const config = pipeline();
  const options = {
    schema: 'public',
    history: true,
    deletes: 'remove' as const,
    pipeline: 'tributary',
    datasets: datasetsOf(config),
  };
  const sink = createPostgresSink({ url, clock: systemClock, ...options });
  onTestFinished(() => sink.close());
  await sink.beginEpoch('sink.run.1');
  const writer = await sink.open('writer-1', 'sink.run.1');
  await writer.write('parts', [partRow('A', 1)]);
  expect(await ask(primary, 'SELECT _key FROM parts')).toEqual([{ _key: 'A' }]);
  const postgres = { ...config.sink.postgres, schema: 'public', history: true };
  const reader = createPostgresReader(
    { ...config, sink: { ...config.sink, type: 'postgres', postgres } },
    url,
    systemClock,
    SILENT,
  );
  onTestFinished(() => reader.close());
  const shown = async () => (await reader.rows('parts', ALL, new AbortController().signal))?.total;
  expect(await shown()).toBe(1);
  const { id } = await tableBodies(url, 'public').keep(Buffer.from('a body'), { queue: 'q', messageId: 'm' });
  expect(String(await keptStore({ ...config.sink, type: 'postgres', postgres }, url).read(id))).toBe('a body');
  await vi.waitFor(async () => expect(await ask(standby, 'SELECT _key FROM parts')).toEqual([{ _key: 'A' }]), 20_000);

  await primary.down();
  const refusal = async () =>
    describeError(await writer.write('parts', [partRow('B', 1)]).catch((error: unknown) => error));
  // The first may have been given a connection that died with the server.
  await refusal();
  const began = Date.now();
  const reason = await refusal();
  expect(Date.now() - began).toBeLessThan(9_000);
  expect(reason).toContain(
    `Postgres at postgres://${hostOf(standby)},${hostOf(primary)}/postgres: none of the servers`,
  );
  expect(reason).toContain(`${hostOf(standby)}: this server is a standby`);
  expect(reason).toMatch(/ECONNREFUSED.*waiting for one/);
  await expect(sink.probe()).rejects.toBeInstanceOf(RetryableError);
  // Nor are old rows read from it.
  await expect(sink.scan(datasetNamed('parts'))[Symbol.asyncIterator]().next()).rejects.toThrow('is a standby');

  await ask(standby, 'SELECT pg_promote()');
  await vi.waitFor(() => writer.write('parts', [partRow('B', 1)]), 20_000);
  expect(await ask(standby, 'SELECT _key FROM parts ORDER BY _key')).toEqual([{ _key: 'A' }, { _key: 'B' }]);
  await vi.waitFor(async () => expect(await shown()).toBe(2), 20_000);

  // The old primary comes back with what it had, and believes that it still is the primary: the one in use stays in use.
  await primary.up();
  await writer.write('parts', [partRow('C', 1)]);
  expect(await ask(standby, 'SELECT _key FROM parts ORDER BY _key')).toEqual([
    { _key: 'A' },
    { _key: 'B' },
    { _key: 'C' },
  ]);
  expect(await ask(primary, 'SELECT _key FROM parts')).toEqual([{ _key: 'A' }]);
});
