import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { outputCopies } from '@tributary/consumer';
import { BackupFiles, BackupFolder, type CopiedFile, describeError, parsePipeline } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { copyAuditLog, copyBesideLog, putAuditLog, putBesideLog } from '../../src/backup/audit.js';
import { readManifest } from '../../src/backup/manifest.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'names-'));
});
afterEach(() => rm(folder, { recursive: true }));

const signal = new AbortController().signal;
const at = (...names: string[]) => join(folder, ...names);

async function backupOf(...paths: string[]): Promise<BackupFiles> {
  for (const path of paths) {
    await mkdir(dirname(at('backup', path)), { recursive: true });
    await writeFile(at('backup', path), 'copied');
  }
  return new BackupFiles(at('backup'), paths.map(fileAt));
}
const fileAt = (path: string): CopiedFile => ({
  path,
  bytes: 6,
  sha256: createHash('sha256').update('copied').digest('hex'),
});

function copies() {
  const file = `
entities: { item: { dataset: items, queue: q, key: id, fields: { id: string } } }
endpoints: { one: { url: "http://127.0.0.1:1/one", entity: item } }
sink: { type: csv, csv: { directory: ${at('output')} } }`;
  return outputCopies(parsePipeline(file, {}, 'x.yaml'), undefined);
}

/** A folder, or a file, of somebody else, to which a link leads. */
async function victim(link: string, isFolder: boolean): Promise<() => Promise<string>> {
  const to = at('of-somebody-else');
  if (isFolder) await mkdir(to);
  await writeFile(isFolder ? join(to, 'backup') : to, 'precious');
  await mkdir(dirname(link), { recursive: true });
  await symlink(to, link);
  return async () =>
    isFolder ? [await readdir(to), await readFile(join(to, 'backup'), 'utf8')].join() : readFile(to, 'utf8');
}

test('a link beside the audit log is not followed', async () => {
  const log = at('audit', 'actions.jsonl');
  const precious = await victim(`${log}.restored`, false);
  const files = await backupOf('audit/actions.jsonl');
  expect(await putAuditLog(files, log, 'put')).toContain(log);
  expect(await precious()).toBe('precious');
  expect(await readFile(log, 'utf8')).toBe('copied');
  expect((await readdir(dirname(log))).sort()).toEqual(['actions.jsonl', 'actions.jsonl.restored']);
});

test('what lies beside the audit log comes back byte for byte, and what is there stays', async () => {
  // A letter lies across the border of what is read at once.
  const written = `["-${'é'.repeat(1024 * 1024)}"]`;
  const there = ['queries-p.json', 'alerts-p.json'];
  await mkdir(at('log'));
  for (const name of there) await writeFile(at('log', name), written);
  await writeFile(at('log', 'queries-other.json'), 'of another pipeline');
  const into = new BackupFolder(at('backup'));
  await copyBesideLog(into, at('log', 'actions.jsonl'), 'p');
  const files = new BackupFiles(at('backup'), into.files);
  await putBesideLog(files, at('audit', 'actions.jsonl'), 'p');
  expect((await readdir(at('audit'))).sort()).toEqual(there.toSorted());
  for (const name of there) expect((await readFile(at('audit', name))).equals(Buffer.from(written)), name).toBe(true);
  for (const name of there) await writeFile(at('audit', name), 'mine');
  await putBesideLog(files, at('audit', 'actions.jsonl'), 'p');
  for (const name of there) expect(await readFile(at('audit', name), 'utf8'), name).toBe('mine');
});

test('what lies beside the audit log and cannot be read is told, and costs the rest nothing', async () => {
  await mkdir(at('log', 'queries-p.json'), { recursive: true });
  await writeFile(at('log', 'alerts-p.json'), 'alerts');
  const into = new BackupFolder(at('backup'));
  const left = await copyBesideLog(into, at('log', 'actions.jsonl'), 'p');
  expect(left).toEqual([expect.stringMatching(/queries-p\.json is not in it: .*EISDIR/)]);
  expect(into.files.map(({ path }) => path)).toEqual(['audit/alerts.json']);
});

describe('a link in the output', () => {
  const steps: Readonly<Record<string, (of: ReturnType<typeof copies>) => Promise<unknown>>> = {
    restoring: (of) => of.restoring(),
    restore: async (of) => of.restore(await backupOf('output/items/part-1.csv'), 'precious', signal),
    ended: (of) => of.ended(),
  };
  test.each(Object.entries(steps))(
    'that has the name of what a restore keeps there is refused: %s',
    async (_name, step) => {
      const precious = await victim(at('output', '.restoring'), true);
      await expect(step(copies())).rejects.toThrow('is a link, which a restore does not follow');
      expect(await precious()).toBe('backup,precious');
    },
  );

  test('that has the name of what is put aside is refused', async () => {
    const precious = await victim(at('output', '.replaced-x'), true);
    await writeFile(at('output', 'mine'), 'mine');
    await expect(copies().setAside('x')).rejects.toThrow('is a link');
    expect(await precious()).toBe('backup,precious');
    expect(await readdir(at('output'))).toContain('mine');
  });
});

const MANIFEST = {
  format: 1,
  backup: 'b-1',
  pipeline: 'p',
  version: '1',
  sink: 'csv',
  begunAt: 'a',
  endedAt: 'b',
  output: 'nothing',
  deadLetters: 1,
  onTheirWay: 0,
  variables: [],
  left: [],
  files: [fileAt('pipeline.yaml')],
};
const writeManifest = async (manifest: object) => writeFile(at('manifest.json'), JSON.stringify(manifest));

test('a manifest is read', async () => {
  await writeManifest(MANIFEST);
  expect(await readManifest(folder)).toEqual(MANIFEST);
  await writeManifest({ ...MANIFEST, deadLetters: null });
  expect(await readManifest(folder)).toMatchObject({ deadLetters: null });
});

test.each([
  ['files', [null]],
  ['files', [5]],
  ['files', ['pipeline.yaml']],
  ['files', [{ ...fileAt('a'), path: 5 }]],
  ['files', [{ ...fileAt('a'), bytes: '6' }]],
  ['files', [{ path: 'a', bytes: 6 }]],
  ['files', [[]]],
  ['variables', [null]],
  ['left', [{}]],
  ['deadLetters', 'many'],
])('a manifest of other %s is refused in words: %j', async (name, value) => {
  await writeManifest({ ...MANIFEST, [name]: value });
  await expect(readManifest(folder)).rejects.toThrow('the backup is damaged: ');
});

test.each([
  ['a folder', 'output/items/'],
  ['nothing', ''],
  ['the backup', '.'],
  ['a name with NUL', 'output/a\0b'],
])('a manifest that names %s as a file is refused in words', (_what, path) => {
  expect(() => new BackupFiles(folder, [fileAt(path)])).toThrow(/the manifest of the backup names/);
});

/** What somebody puts in the place of a file of the backup. */
const INSTEAD: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  'a link': (path) => symlink(at('of-somebody-else'), path),
  'a pipe': async (path) => execFileSync('mkfifo', [path]),
  'a link to a device': (path) => symlink('/dev/zero', path),
};

describe.each(Object.entries(INSTEAD))('%s in the place of a file of the backup', (_what, put) => {
  test('is refused in words, and holds nobody up', async () => {
    const files = await backupOf('output/items/a.csv');
    await writeFile(at('of-somebody-else'), 'copied');
    await rm(at('backup', 'output/items/a.csv'));
    await put(at('backup', 'output/items/a.csv'));
    await expect(files.verify(signal)).rejects.toThrow('cannot be read; nothing was done');
    await expect(copies().restore(files, 'x', signal)).rejects.toThrow(/is a link|is a pipe/);
    await expect(readdir(at('output', 'items'))).rejects.toThrow('ENOENT');
  });

  test('costs a backup of what lies beside the audit log nothing else', async () => {
    await mkdir(at('log'));
    await put(at('log', 'queries-p.json'));
    await writeFile(at('of-somebody-else'), '[]');
    await writeFile(at('log', 'alerts-p.json'), 'alerts');
    const into = new BackupFolder(at('backup'));
    await copyBesideLog(into, at('log', 'actions.jsonl'), 'p');
    expect(into.files.map(({ path }) => path)).toContain('audit/alerts.json');
  });
});

test('a folder of the backup that is a link to another one is refused in words', async () => {
  const files = await backupOf('output/items/a.csv');
  await rename(at('backup', 'output'), at('elsewhere'));
  await symlink(at('elsewhere'), at('backup', 'output'));
  expect(await files.verify(signal).catch(describeError)).toMatch(
    /cannot be read; nothing was done: .*lies behind one/,
  );
});

test.each([
  ['a folder', (path: string) => mkdir(path)],
  ['a pipe', async (path: string) => execFileSync('mkfifo', [path])],
  ['a link to itself', (path: string) => symlink(path, path)],
] as const)(
  'the note of the end of the audit log is told where it is %s, and the log is copied',
  async (_what, put) => {
    await mkdir(at('log'));
    await writeFile(at('log', 'actions.jsonl'), '{}\n');
    await put(at('log', 'actions.jsonl.head'));
    const into = new BackupFolder(at('backup'));
    const left = await copyAuditLog(into, at('log', 'actions.jsonl'), 'p');
    expect(left).toEqual([expect.stringMatching(/actions\.jsonl\.head, the note of the log's end, is not in it: ./)]);
    expect(into.files.map(({ path }) => path)).toEqual(['audit/actions.jsonl']);
  },
);

test('a manifest that is a pipe holds nobody up', async () => {
  execFileSync('mkfifo', [at('manifest.json')]);
  await expect(readManifest(folder)).rejects.toThrow('is a pipe, a socket or a device');
});

test('a folder that is no backup is told in words alone', async () => {
  const error = await readManifest(at('nothing')).catch(describeError);
  expect(error).toBe(`${at('nothing')} has no manifest.json: it is no backup, or one that did not come to its end`);
});

test('a manifest that names a file within a file is refused in words', () => {
  const files = ['output/a', 'output/a/b/c', 'output/b'].map(fileAt);
  expect(() => new BackupFiles(folder, files)).toThrow('names what is no file: output/a');
  expect(() => new BackupFiles(folder, ['output/a', 'output/ab', 'output/b/a'].map(fileAt))).not.toThrow();
});

test.each(['.restoring/backup', '.restoring', '.replaced-x/items.csv', 'lost+found/a'])(
  'a manifest that names output/%s is refused in words, and nothing is done',
  async (path) => {
    const of = copies();
    const files = await backupOf(`output/${path}`);
    expect(() => of.check(files)).toThrow('which a restore keeps for itself; nothing was done');
    await expect(of.restore(files, 'x', signal)).rejects.toThrow('nothing was done');
    await expect(readdir(at('output'))).rejects.toThrow('ENOENT');
  },
);
