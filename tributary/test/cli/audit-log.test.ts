import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditWriter, systemClock } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cli } from './support.js';

let folder: string;
let AUDIT_LOG: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-audit-log-'));
  AUDIT_LOG = join(folder, 'actions.jsonl');
  const writer = new AuditWriter(AUDIT_LOG, systemClock);
  for (let line = 0; line < 6; line++) await writer.begin({ name: 'anna', role: 'admin', from: 'shell' }, 'run', {});
  await writer.close();
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const verify = (...more: string[]) => cli(['audit-log', 'verify', ...more], { env: { AUDIT_LOG } });
const change = (edit: (lines: string[]) => string[]) =>
  writeFileSync(AUDIT_LOG, edit(readFileSync(AUDIT_LOG, 'utf8').split(/(?<=\n)/)).join(''));

describe('audit-log verify', () => {
  it.each([
    ['that is not there', () => rmSync(AUDIT_LOG), /cannot be read: there is no such file: name it, or set AUDIT_LOG/],
    ['that is a folder', () => rmSync(AUDIT_LOG) ?? mkdirSync(AUDIT_LOG), /cannot be read: it is a folder/],
    [
      'that is a pipe',
      () => rmSync(AUDIT_LOG) ?? execFileSync('mkfifo', [AUDIT_LOG]),
      /is a pipe, a socket or a device/,
    ],
  ])('tells of a log %s in words', async (_what, put, words) => {
    put();
    const { code, stderr } = await verify();
    expect(stderr).toMatch(words);
    expect(stderr).not.toMatch(/ENOENT|EISDIR/);
    expect(code).toBe(1);
  });

  it('says that a log is whole, and its end', async () => {
    const { code, stdout } = await verify();
    expect(stdout).toMatch(
      /actions\.jsonl: 6 lines\nno line was changed, put in, moved or taken away\nthe end, to be noted elsewhere: 6:[0-9a-f]{64}\n$/,
    );
    expect(code).toBe(0);
    const place = stdout.trim().split(' ').at(-1) ?? '';
    expect(await verify('--expect', place)).toMatchObject({ code: 0, stdout: expect.stringContaining('line 6 is as') });
  });

  it.each([
    [
      'a changed line',
      (lines: string[]) => lines.with(2, (lines[2] ?? '').replace('anna', 'ben')),
      'FAULT: line 3: changed, put in or moved',
    ],
    ['a removed line', (lines: string[]) => lines.toSpliced(2, 1), 'FAULT: behind line 2: 1 line missing'],
    ['removed first lines', (lines: string[]) => lines.slice(2), 'FAULT: before line 1: 2 lines missing'],
    ['a cut end', (lines: string[]) => lines.slice(0, 4), 'FAULT: at the end 2 lines were cut off'],
    ['another end', (lines: string[]) => lines.with(5, '{}\n'), 'FAULT: the last lines are not those'],
  ])('fails for %s, and says where', async (_, edit, words) => {
    change(edit);
    const { code, stdout } = await verify();
    expect(stdout).toContain(words);
    expect(code).toBe(1);
    expect(JSON.parse((await verify('--json')).stdout)).toMatchObject({ ok: false, place: expect.any(String) });
  });

  it('says of an old log that nothing can be found of it, and does not fail', async () => {
    rmSync(`${AUDIT_LOG}.head`);
    writeFileSync(AUDIT_LOG, '{"who":"ben"}\n{"who":"anna"}\n');
    const { code, stdout } = await verify();
    expect(stdout).toContain('from before there was a chain');
    expect(code).toBe(0);
  });

  it('fails for a log that is not there, and for a place that is none', async () => {
    expect(await verify(join(folder, 'nothing'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot be read'),
    });
    expect(await verify('--expect', '12')).toMatchObject({ code: 2 });
  });
});
