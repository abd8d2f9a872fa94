import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, verifyAuditLog } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ActionMatch, AuditAction } from '../../src/audit/actions.js';
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

describe('an audit log of several pipelines in one folder', () => {
  it('shows each of them what was done to it, and what belongs to none; the chain holds all', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'audit-'));
    const path = join(folder, 'audit.jsonl');
    const [sales, clinic, shell] = [
      new AuditLog(path, systemClock, 'sales'),
      new AuditLog(path, systemClock, 'clinic'),
      new AuditLog(path, systemClock),
    ];
    try {
      await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const log = index % 2 === 0 ? sales : clinic;
          const act = await log.begin(anna, 'sql', { query: index % 2 === 0 ? 'select 1' : 'select diagnosis' });
          await act.note('done', { done: index });
        }),
      );
      await shell.begin(anna, 'reveal', { reason: 'ticket 4711' });
      for (const [log, own] of [
        [sales, 'select 1'],
        [clinic, 'select diagnosis'],
      ] as const) {
        const actions: AuditAction[] = [];
        for await (const action of log.actions({})) actions.push(action);
        expect(actions.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
          'reveal open',
          ...Array.from({ length: 10 }, () => 'sql done'),
        ]);
        expect(actions.slice(1).map(({ detail }) => detail)).toEqual(
          Array.from({ length: 10 }, () => ({ query: own })),
        );
        expect(await log.newest(100)).toHaveLength(21);
      }
      expect(await shell.newest(100)).toHaveLength(41);
      expect(await verifyAuditLog(path)).toMatchObject({ lines: 41, faults: [], end: 'fits' });
    } finally {
      for (const log of [sales, clinic, shell]) await log.close();
      await rm(folder, { recursive: true });
    }
  });
});

describe('the actions in the audit log', () => {
  let folder: string;
  let log: AuditLog;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'audit-'));
    log = new AuditLog(join(folder, 'audit.jsonl'), systemClock);
  });
  afterEach(async () => {
    await log.close();
    await rm(folder, { recursive: true });
  });

  const actions = async (match: ActionMatch = {}) => {
    const found: AuditAction[] = [];
    for await (const action of log.actions(match)) found.push(action);
    return found;
  };

  it('are one for each request, the newest first, also where their lines lie mixed', async () => {
    const first = await log.begin(anna, 'replay', { match: { code: 'x' } });
    const second = await log.begin({ ...anna, name: 'ben' }, 'run', { endpoint: 'crm' });
    await Promise.all(
      Array.from({ length: 30 }, (_, index) => first.note('letter', { key: `k${index}`, why: 'dead' })),
    );
    await second.note('failed', { endpoint: 'crm', why: 'the producer is away' });
    await first.note('done', { done: 30, stayed: 2 });
    await log.begin(anna, 'pause', { endpoint: 'crm' });
    const found = await actions();
    expect(found).toMatchObject([
      { action: 'pause', outcome: 'open', endedAt: null, detail: { endpoint: 'crm' }, why: null },
      { action: 'run', who: 'ben', outcome: 'failed', why: 'the producer is away' },
      { action: 'replay', outcome: 'done', records: 30, stayed: 2, detail: { match: { code: 'x' } }, why: null },
    ]);
    expect(found[2]?.keys).toHaveLength(5);
  });

  it('are found by person, kind, outcome and words, also by a key that is not shown', async () => {
    const act = await log.begin(anna, 'discard', { match: {}, reason: 'a test record' });
    for (let index = 0; index < 30; index++) await act.note('letter', { key: `k${index}` });
    await act.note('done', { done: 30, stayed: 0 });
    await log.begin({ ...anna, name: 'ben' }, 'run', { endpoint: 'crm' });
    const kinds = async (match: ActionMatch) => (await actions(match)).map(({ action }) => action);
    expect(await kinds({ who: 'ben' })).toEqual(['run']);
    expect(await kinds({ action: 'discard' })).toEqual(['discard']);
    expect(await kinds({ outcome: 'open' })).toEqual(['run']);
    expect(await kinds({ search: 'TEST K3' })).toEqual(['discard']);
    expect(await kinds({ search: 'k99' })).toEqual([]);
  });

  it('have their own steps alone, the newest first', async () => {
    const first = await log.begin(anna, 'replay', {});
    const second = await log.begin(anna, 'discard', {});
    await first.note('done', { done: 0 });
    await second.note('done', { done: 0 });
    const [{ request = '' } = {}] = await actions({ action: 'replay' });
    expect((await log.newest(10, request)).map(({ action, step }) => [action, step])).toEqual([
      ['replay', 'done'],
      ['replay', 'begun'],
    ]);
  });
});
