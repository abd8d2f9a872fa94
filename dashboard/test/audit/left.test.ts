import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, systemClock } from '@tributary/shared';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AuditLog } from '../../src/audit/audit.js';
import { createDashboard, type Dashboard } from '../../src/index.js';
import { sampleConfig } from '../sample.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const LINE = `${JSON.stringify({ at: '2026-01-05T10:00:00.000Z', who: 'anna', role: 'viewer', action: 'sql', request: 'r', step: 'begun', query: 'x'.repeat(800) })}\n`;

describe('a look at the audit log whose reader has gone', () => {
  let folder: string;
  let path: string;
  let dashboard: Dashboard;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'left-'));
    path = join(folder, 'audit.jsonl');
    await writeFile(path, LINE.repeat(20_000));
    const config = sampleConfig(folder);
    const options = { config, port: 0, host: '127.0.0.1', instance: 'test', log, auditLog: path };
    dashboard = createDashboard({ ...options, reading: 'open' });
    await dashboard.start();
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    await dashboard.stop();
    await rm(folder, { recursive: true });
  });

  it.each([
    ['entries of one request', (audit: AuditLog, signal: AbortSignal) => audit.newest(10, 'none', signal)],
    ['actions', (audit: AuditLog, signal: AbortSignal) => audit.actions({ search: 'none' }, signal).next()],
  ])('ends before it has read all of it: %s', async (_what, look) => {
    const audit = new AuditLog(path, systemClock);
    const reading = new AbortController();
    setImmediate(() => reading.abort(new Error('gone')));
    await expect(look(audit, reading.signal)).rejects.toThrow('gone');
    await audit.close();
  });

  it.each([
    ['/audit?request=none', 'newest', 2],
    ['/audit/actions?search=none', 'actions', 1],
    ['/audit.csv?search=none', 'actions', 1],
    ['/audit.ndjson?search=none', 'actions', 1],
  ] as const)('is told of it: %s', async (asked, method, place) => {
    const looked = vi.spyOn(AuditLog.prototype, method);
    const reading = new AbortController();
    const answer = fetch(`${dashboard.url}/api${asked}`, { signal: reading.signal });
    answer.catch(() => {});
    await vi.waitFor(() => expect(looked).toHaveBeenCalledOnce());
    const signal: unknown = looked.mock.calls[0]?.[place];
    expect(signal).toBeInstanceOf(AbortSignal);
    reading.abort();
    await vi.waitFor(() => expect(signal).toMatchObject({ aborted: true }));
    looked.mockRestore();
  });
});
