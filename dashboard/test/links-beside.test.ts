import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, systemClock } from '@tributary/shared';
import { expect, onTestFinished, test } from 'vitest';
import { newDocument } from '../src/alerts/document.js';
import { fileAlertStore } from '../src/alerts/stores/file.js';
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
