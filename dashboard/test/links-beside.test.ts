import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, systemClock, verifyAuditLog } from '@tributary/shared';
import { expect, onTestFinished, test } from 'vitest';
import { newDocument } from '../src/alerts/document.js';
import { fileAlertStore } from '../src/alerts/stores/file.js';
import { AuditLog } from '../src/audit/audit.js';
import { KeptLines } from '../src/flow/kept-lines.js';
import { SavedQueries } from '../src/sql/saved.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });

/** What the dashboard keeps beside the audit log, and how each is written anew. */
const KEEPERS: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  'saved queries': (path) => new SavedQueries(path, systemClock).save({ name: 'a', query: 'SELECT 1', who: 'anna' }),
  alerts: async (path) => {
    const store = fileAlertStore(path);
    await store.hold();
    await store.save(newDocument(0));
  },
  'what was seen': async (path) => {
    const kept = new KeptLines(path, 0, () => [{ a: 1 }], log);
    kept.add({ a: 1 });
    await kept.close();
  },
};

test.each(Object.entries(KEEPERS))(
  '%s: no link that lies beside the file has another one overwritten',
  async (_what, keep) => {
    const folder = await mkdtemp(join(tmpdir(), 'links-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const victim = join(folder, 'of-somebody-else');
    await writeFile(victim, 'precious');
    const path = join(folder, 'kept');
    await symlink(victim, `${path}.new`);
    await keep(path);
    expect(await readFile(victim, 'utf8')).toBe('precious');
    expect(await readFile(path, 'utf8')).toMatch(/a|format/);
  },
);

const ANNA = { name: 'anna', role: 'admin', from: 'shell' } as const;

/** What is read there. */
const READERS: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  ...KEEPERS,
  'saved queries that are listed': (path) => new SavedQueries(path, systemClock).list(),
  'what was seen before': (path) => new KeptLines(path, 0, (): object[] => [], log).load(),
  'what was seen, of which lines are added': async (path) => {
    const kept = new KeptLines(path, 100, (): object[] => [], log);
    kept.add({ a: 1 });
    await kept.close();
  },
  'the audit log': async (path) => {
    for await (const _ of new AuditLog(path, systemClock).actions({})) break;
  },
  'the audit log that is written': (path) => new AuditLog(path, systemClock).begin(ANNA, 'run', {}),
  'the note of its end': async (path) => {
    await rename(path, `${path}.head`).catch(() => {});
    await new AuditLog(path, systemClock).begin(ANNA, 'run', {});
  },
  'the audit log that is verified': (path) => verifyAuditLog(path),
};

test.each(Object.entries(READERS))(
  '%s: a pipe in the place of the file holds nobody up',
  async (_what, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'pipes-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, 'kept');
    execFileSync('mkfifo', [path]);
    // That it ends counts, whether it is refused or a file takes the place of the pipe.
    await use(path).catch((error: unknown) => expect(String(error)).not.toBe(''));
    const four = Array.from({ length: 4 }, () => use(path).catch(() => {}));
    await Promise.all(four);
  },
  20_000,
);
