import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDashboard } from '@tributary/dashboard';
import { createLogger, systemClock } from '@tributary/shared';
import { Client, escapeIdentifier } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { createPostgresReader } from '../../dashboard/src/data/readers/postgres/reader.js';
import { createSqlEngine } from '../../dashboard/src/sql/engine.js';
import type { SqlEngine } from '../../dashboard/src/sql/port.js';
import { sampleConfig } from '../../dashboard/test/sample.js';
import { uniqueName } from '../services/handle.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
/** The search for a text in a text, which Postgres ends for nobody: some seconds here, weeks with longer ones. */
const UNENDING = "SELECT strpos(repeat('a', 200000), 'b' || repeat('a', 100000)) AS n";

describe('SQL over Postgres by a role that only looks', { timeout: 120_000 }, () => {
  const url = inject('postgresUrl');
  const role = uniqueName('looking');
  const as = new URL(url);
  as.username = role;
  as.password = 'looking-password';
  const config = sampleConfig('nowhere', 'postgres');
  const admin = new Client({ connectionString: url });
  const reader = createPostgresReader(config, url, systemClock, log);
  let engine: SqlEngine;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'looking-'));
    await admin.connect();
    const database = escapeIdentifier(as.pathname.slice(1));
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'looking-password'`);
    await admin.query(`GRANT TEMPORARY ON DATABASE ${database} TO ${role}`);
    engine = createSqlEngine({ config, reader, postgresUrl: url, sqlUrl: as.href, clock: systemClock });
  });
  afterAll(async () => {
    await engine.close();
    await reader.close();
    await vi.waitFor(async () => expect(await sessions()).toBe(0), { timeout: 60_000, interval: 100 });
    await rm(folder, { recursive: true });
    await admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    await admin.end();
  });

  const sessions = async () => {
    const { rows } = await admin.query(
      "SELECT 1 FROM pg_stat_activity WHERE usename = $1 AND application_name LIKE 'tributary dashboard sql %' AND state = 'active'",
      [role],
    );
    return rows.length;
  };
  async function ask(sql: string, signal = new AbortController().signal) {
    const rows: unknown[] = [];
    for await (const batch of (await engine.run(sql, { signal, seconds: 60 })).rows) rows.push(...batch);
    return rows;
  }

  it('begins no other query while two go on that Postgres cannot end, and begins one when they have ended', async () => {
    const leaving = new AbortController();
    const left = [ask(UNENDING, leaving.signal), ask(UNENDING, leaving.signal)];
    const gone = Promise.all(left.map((one) => expect(one).rejects.toThrow('gone')));
    await expect.poll(sessions, { interval: 50 }).toBe(2);
    leaving.abort(new Error('gone'));
    await gone;
    await expect(ask('SELECT 1')).rejects.toMatchObject({ code: 'sql_left', message: /2 earlier queries still work/ });
    await expect.poll(sessions, { timeout: 60_000 }).toBe(0);
    expect(await ask('SELECT 1')).toEqual([[1]]);
  });

  it('counts those of other dashboards, and of one that has started anew, when they go on beyond their time', async () => {
    const others = [1, 2].map(
      (at) => new Client({ connectionString: as.href, application_name: `tributary dashboard sql 0s other-${at}` }),
    );
    try {
      for (const one of others) {
        one.on('error', () => {});
        await one.connect();
        void one.query('SELECT pg_sleep(60)').catch(() => {});
      }
      // Within their time they are the queries of another dashboard.
      expect(await ask('SELECT 1')).toEqual([[1]]);
      await new Promise((resolve) => setTimeout(resolve, 5_500));
      await expect(ask('SELECT 1')).rejects.toMatchObject({ code: 'sql_left' });
    } finally {
      await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [role]);
    }
    expect(await ask('SELECT 1')).toEqual([[1]]);
  });

  /** Starts a dashboard, and waits for its warning. */
  async function warnedAtStart() {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const warning = createLogger({ service: 'dashboard', instance: 'test', level: 'info' }, { write });
    const options = { port: 0, host: '127.0.0.1', instance: 'test', auditLog: join(folder, 'audit.jsonl') };
    const dashboard = createDashboard({ ...options, config, log: warning, postgresUrl: url, sqlUrl: as.href });
    await dashboard.start();
    await vi.waitFor(() => expect(lines.join('')).toMatch(/no temp_file_limit/));
    await dashboard.stop();
  }

  it('tells that nothing bounds the temporary files, until the role has its limit, which then ends a query', async () => {
    await warnedAtStart();
    expect(await engine.problems()).toEqual([expect.stringContaining('no temp_file_limit')]);
    await admin.query(`ALTER ROLE ${role} SET temp_file_limit = '20MB'`);
    expect(await engine.problems()).toEqual([]);
    const large =
      'SELECT count(*) FROM (SELECT repeat(md5(a::text), 30) AS m FROM generate_series(1, 200000) a ORDER BY 1 OFFSET 1) x';
    await expect(ask(large)).rejects.toMatchObject({
      code: 'sql_too_large',
      message: expect.stringContaining('temp_file_limit'),
    });
  });
});
