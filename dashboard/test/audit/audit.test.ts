import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditLog } from '../../src/audit/audit.js';

const anna = { name: 'anna', role: 'operator', from: '127.0.0.1' } as const;

describe('the audit log', () => {
  let folder: string;
  let path: string;
  let log: AuditLog;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'audit-'));
    path = join(folder, 'deep', 'audit.jsonl');
    log = new AuditLog(path, systemClock);
  });
  afterEach(async () => {
    await log.close();
    await rm(folder, { recursive: true });
  });

  it('has a line for each step, in order, which is on disk before note() resolves', async () => {
    const act = await log.begin(anna, 'replay', { match: { code: 'x' } });
    expect(await readFile(path, 'utf8')).toContain('"step":"begun"');
    await Promise.all(Array.from({ length: 300 }, (_, index) => act.note('letter', { key: `k${index}` })));
    await act.note('done', { done: 300 });
    const lines = (await readFile(path, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toHaveLength(302);
    expect(lines.slice(1, 301).map(({ key }) => key)).toEqual(Array.from({ length: 300 }, (_, index) => `k${index}`));
    expect(new Set(lines.map(({ request }) => request)).size).toBe(1);
    expect(lines[0]).toMatchObject({ who: 'anna', role: 'operator', from: '127.0.0.1', action: 'replay' });
  });

  it('writes a step that is noted in the same moment in which the one before is on disk', async () => {
    const act = await log.begin(anna, 'discard', { reason: 'a test' });
    await act.note('kept', { kept: 'one' });
    await act.note('kept', { kept: 'two' });
    await act.note('done', { done: 2 });
    expect((await log.newest(10)).map(({ step }) => step)).toEqual(['done', 'kept', 'kept', 'begun']);
  });

  it('can be read by its owner only, and is shown without the bodies of records', async () => {
    const act = await log.begin(anna, 'discard', { reason: 'a test' });
    await act.note('letter', { body: 'private' });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const shown = await log.newest(10);
    expect(shown.map(({ step }) => step)).toEqual(['letter', 'begun']);
    expect(JSON.stringify(shown)).not.toContain('private');
  });

  it('shows what was done before records of megabytes, and with them', async () => {
    const first = await log.begin(anna, 'discard', { reason: 'to be seen' });
    await first.note('done', { done: 1 });
    const act = await log.begin(anna, 'replay', { match: { code: 'x' } });
    // A body may hold what looks like a field.
    const body = `,"body":"${'é"\n'.repeat(700_000)}`;
    await act.note('letter', { key: 'large', before: body, body });
    await act.note('done', { done: 1 });
    const shown = await log.newest(10);
    expect(shown.map(({ action, step }) => [action, step])).toEqual([
      ['replay', 'done'],
      ['replay', 'letter'],
      ['replay', 'begun'],
      ['discard', 'done'],
      ['discard', 'begun'],
    ]);
    expect(shown[1]).toMatchObject({ key: 'large', who: 'anna' });
    expect(JSON.stringify(shown).length).toBeLessThan(2_000);
    expect(await log.newest(2)).toEqual(shown.slice(0, 2));
  });

  it('continues behind a line that a crash tore, and loses only that line', async () => {
    await log.begin(anna, 'replay', {});
    await log.close();
    await appendFile(path, '{"at":"2026-01-05T10:00:00.000Z","wh');
    const next = new AuditLog(path, systemClock);
    await next.begin(anna, 'discard', {});
    expect((await next.newest(10)).map(({ action }) => action)).toEqual(['discard', 'replay']);
    await next.close();
  });

  it('is empty before anything was done', async () => {
    expect(await log.newest(10)).toEqual([]);
  });
});
