import { execFileSync } from 'node:child_process';
import { lstat, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyFile } from '../../../src/sources/files/places/copy.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'copy-'));
  await writeFile(at('secret'), 'secret');
  await writeFile(at('a.csv'), 'read');
});
afterEach(() => rm(folder, { recursive: true }));

const at = (name: string) => join(folder, name);
const tagOf = async (name: string) => {
  const { dev, ino } = await stat(at(name));
  return `${dev}-${ino}`;
};
const copy = (tag: string | undefined) => copyFile(at('a.csv'), at('copy'), tag, new AbortController().signal);

/** What somebody puts in the place of a file after it was read, and before it is copied to another disk. */
const INSTEAD: Readonly<Record<string, () => Promise<unknown>>> = {
  'a link to a file of somebody else': () => symlink(at('secret'), at('a.csv')),
  'a file that nobody has read': () => writeFile(at('a.csv'), 'newer'),
  'a pipe': async () => execFileSync('mkfifo', [at('a.csv')]),
  'a link to a device': () => symlink('/dev/zero', at('a.csv')),
};

describe.each(Object.entries(INSTEAD))('%s in the place of a file that is moved to another disk', (what, put) => {
  it('is neither copied nor removed', async () => {
    const tag = await tagOf('a.csv');
    await rename(at('a.csv'), at('kept'));
    await put();
    expect(await copy(tag).catch(() => false)).toBe(false);
    expect((await readdir(folder)).sort()).toEqual(['a.csv', 'kept', 'secret']);
    expect((await lstat(at('a.csv'))).isSymbolicLink()).toBe(what.startsWith('a link'));
  });

  it.runIf(what !== 'a file that nobody has read')('is not taken for its marker', async () => {
    await rename(at('a.csv'), at('kept'));
    await put();
    await expect(copy(undefined)).rejects.toThrow(/ELOOP|is a pipe/);
    expect((await readdir(folder)).sort()).toEqual(['a.csv', 'kept', 'secret']);
  });
});

it('a file is copied, and its name goes, also where that is a link within the folder', async () => {
  expect(await copy(await tagOf('a.csv'))).toBe(true);
  expect((await readdir(folder)).sort()).toEqual(['copy', 'secret']);
  expect(await readFile(at('copy'), 'utf8')).toBe('read');
  await symlink(at('secret'), at('a.csv'));
  expect(await copy(await tagOf('secret'))).toBe(true);
  expect((await readdir(folder)).sort()).toEqual(['copy', 'secret']);
});
