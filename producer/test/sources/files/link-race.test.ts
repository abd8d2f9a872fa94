import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { idsIn, stageOf } from './stage.js';

/** What another program does in the moment before and after a name is resolved; and whether the system tells which file is open. */
const race = vi.hoisted(() => ({
  before: async (_path: string): Promise<void> => {},
  after: async (_path: string): Promise<void> => {},
  tells: true,
}));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const realpath = async (path: string) => {
    await race.before(path);
    const found = await real.realpath(path);
    await race.after(path);
    return found;
  };
  const readlink = (path: string) =>
    race.tells ? real.readlink(path) : Promise.reject(new Error('no such file or directory'));
  return { ...real, realpath, readlink };
});

afterEach(() => {
  race.before = async () => {};
  race.after = async () => {};
  race.tells = true;
});

const SECRET = 'id,name\nsecret,x\n';

/** Exchanges what lies under a name for the time in which the name is resolved, as a program that is quick enough does. */
function exchange(path: string, inside: string, link: string): void {
  race.before = async (asked) => {
    if (asked.endsWith('2.csv')) await put(inside, link, path);
  };
  race.after = async (asked) => {
    if (asked.endsWith('2.csv')) await put(link, inside, path);
  };
}

/** @param other where what lay there goes */
async function put(one: string, other: string, path: string): Promise<void> {
  await rename(path, other).catch(() => {});
  await rename(one, path).catch(() => {});
}

test.each([
  ['file', 'in/2.csv', 'secret.csv', 'tells'],
  ['file', 'in/2.csv', 'secret.csv', 'does not tell'],
  ['file of a neighbour folder whose name begins alike', 'in/2.csv', 'in-other/2.csv', 'tells'],
  ['file of a neighbour folder whose name begins alike', 'in/2.csv', 'in-other/2.csv', 'does not tell'],
  ['folder', 'in/sub', 'outside', 'tells'],
  ['folder', 'in/sub', 'outside', 'does not tell'],
  ['file of the system', 'in/2.csv', '/proc/self/environ', 'tells'],
  ['file of the system', 'in/2.csv', '/proc/self/environ', 'does not tell'],
])(
  'a link to a %s (%s to %s) that is exchanged quickly is not read, where the system %s which file is open',
  async (what, name, to, tells) => {
    const { folder, write, source, doubts } = await stageOf({ path: 'FOLDER/in/**', chunk: 1 });
    await mkdir(join(folder, 'in-other'));
    await mkdir(join(folder, 'outside'));
    for (const secret of ['secret.csv', 'in-other/2.csv', 'outside/2.csv'])
      await writeFile(join(folder, secret), SECRET);
    await write('1.csv', 'id,name\n1,x\n2,x\n', 1);
    await write(what === 'folder' ? 'sub/2.csv' : '2.csv', 'id,name\n3,x\n', 2);
    const path = join(folder, name);
    const [inside, link] = [join(folder, 'kept'), join(folder, 'link')];
    await symlink(to.startsWith('/') ? to : join(folder, to), link);
    race.tells = tells === 'tells';
    const begin = async () => {
      await put(link, inside, path);
      exchange(path, inside, link);
    };
    // A link to a folder is not gone into by the listing: it takes the place of the folder behind it.
    if (what !== 'folder') await begin();
    const read: unknown[] = [];
    for await (const page of source.pages({ validators: [], signal: new AbortController().signal })) {
      if (read.length === 0 && what === 'folder') await begin();
      read.push(...page.records);
    }
    expect(idsIn(read)).not.toContain('secret');
    expect(idsIn(read)).toEqual(expect.arrayContaining(['1', '2']));
    expect(JSON.stringify(read)).not.toMatch(/PATH=|HOME=/);
    if (tells === 'tells') expect(doubts.join()).toMatch(/2\.csv .*leads out of the folder/);
  },
);

test('files of a folder that is reached by a link, and links within it, are read as before, whatever the system tells', async () => {
  for (const tells of [true, false]) {
    const { folder, write, poll } = await stageOf({ path: 'FOLDER/way/**' });
    await symlink(join(folder, 'in'), join(folder, 'way'));
    await write('1.csv', 'id,name\n1,x\n');
    await write('sub/2.csv', 'id,name\n2,x\n', 1);
    await symlink('sub/2.csv', join(folder, 'in', '3.csv'));
    race.tells = tells;
    expect(idsIn((await poll()).records).toSorted()).toEqual(['1', '2', '2']);
    await rm(join(folder, 'way'));
  }
});
