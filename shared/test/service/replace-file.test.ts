import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { replaceFile } from '@tributary/shared';
import { expect, onTestFinished, test } from 'vitest';

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'replace-file-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

test('a file is replaced in one step, with the mode that is asked for, and nothing is left beside it', async () => {
  const folder = await folderWith({ kept: 'before' });
  await replaceFile(join(folder, 'kept'), 'after', 0o600);
  expect(await readFile(join(folder, 'kept'), 'utf8')).toBe('after');
  expect((await stat(join(folder, 'kept'))).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['kept']);
});

test('a link in its place is replaced, and what it leads to stays as it is', async () => {
  const folder = await folderWith({ other: 'of somebody else' });
  await symlink(join(folder, 'other'), join(folder, 'kept'));
  await replaceFile(join(folder, 'kept'), 'ours');
  expect(await readFile(join(folder, 'other'), 'utf8')).toBe('of somebody else');
  expect(await readFile(join(folder, 'kept'), 'utf8')).toBe('ours');
});

test('a failure leaves the file as it was, and nothing beside it', async () => {
  const folder = await folderWith({});
  await expect(replaceFile(join(folder, 'nowhere', 'kept'), 'x')).rejects.toThrow('ENOENT');
  expect(await readdir(folder)).toEqual([]);
});
