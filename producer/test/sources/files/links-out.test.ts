import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { idsIn, stageOf } from './stage.js';

/** Who may write into the folder that is read can also put links where files go that were read. */
async function droppedInto(settings: object) {
  const stage = await stageOf(settings);
  const [drop, victim] = [join(stage.folder, 'in'), join(stage.folder, 'victim')];
  await mkdir(victim);
  await writeFile(join(victim, 'secret.csv'), 'id,name\nsecret,x\n');
  return { ...stage, drop, victim };
}

const MOVED_WITHIN = { path: 'FOLDER/in/**/*.csv', after: { move: 'FOLDER/in/done' } };

describe('a link that leads out of the folder', () => {
  test('in the place of the folder for what was read: nothing is moved there, and that is told', async () => {
    const { drop, victim, write, poll, doubts } = await droppedInto(MOVED_WITHIN);
    await symlink(victim, join(drop, 'done'));
    await write('1.csv', 'id,name\n1,x\n', 1);
    expect(idsIn((await poll()).records)).toEqual(['1']);
    expect(await readdir(victim)).toEqual(['secret.csv']);
    expect(await readdir(drop)).toEqual(expect.arrayContaining(['1.csv']));
    expect(doubts.join('\n')).toMatch(/1\.csv was read, and cannot be moved: a link leads out/);
  });

  test('in the place of a folder within it', async () => {
    const { drop, victim, write, poll, doubts } = await droppedInto(MOVED_WITHIN);
    await mkdir(join(drop, 'done'));
    await symlink(victim, join(drop, 'done', 'cron'));
    await write('cron/job.csv', 'id,name\n1,x\n', 1);
    await poll();
    expect(await readdir(victim)).toEqual(['secret.csv']);
    expect(doubts.join('\n')).toMatch(/cannot be moved: a link leads out/);
  });

  test('within a folder for what was read that lies elsewhere', async () => {
    const { folder, victim, write, poll, doubts } = await droppedInto({
      path: 'FOLDER/in/**/*.csv',
      after: { move: 'FOLDER/done' },
    });
    await mkdir(join(folder, 'done'));
    await symlink(victim, join(folder, 'done', 'cron'));
    await write('cron/job.csv', 'id,name\n1,x\n', 1);
    await poll();
    expect(await readdir(victim)).toEqual(['secret.csv']);
    expect(doubts.join('\n')).toMatch(/cannot be moved: a link leads out/);
  });

  test('is not followed by a poll of everything, which reads what was moved', async () => {
    const { drop, victim, write, poll, read } = await droppedInto(MOVED_WITHIN);
    await write('1.csv', 'id,name\n1,x\n', 1);
    await poll();
    await rename(join(drop, 'done'), join(drop, 'kept'));
    await symlink(victim, join(drop, 'done'));
    const all = await read({ place: undefined });
    expect(idsIn(all.flatMap(({ records }) => records))).toEqual(['1']);
    expect(all.flatMap(({ inputs = [] }) => inputs)).toContainEqual(
      expect.objectContaining({ name: 'secret.csv', outcome: 'refused' }),
    );
  });

  test('in the place of the archive, or within it: nothing is copied there, and the file is not read', async () => {
    for (const [link, name] of [
      ['raw', '1.csv'],
      ['raw/deep', 'deep/1.csv'],
    ] as const) {
      const { drop, victim, write, poll } = await droppedInto({
        path: 'FOLDER/in/{*,deep/*}.csv',
        archive: 'FOLDER/in/raw',
      });
      if (link !== 'raw') await mkdir(join(drop, 'raw'));
      await symlink(victim, join(drop, link));
      await write(name, 'id,name\n1,x\n', 1);
      const outcome = await poll().catch((error: Error) => error.message);
      expect(JSON.stringify(outcome)).toMatch(/a link leads out/);
      expect(await readdir(victim)).toEqual(['secret.csv']);
    }
  });
});

test.each([
  ['FOLDER/in/raw', 'deep/1.csv'],
  ['FOLDER/in/raw/{{date}}', '1.csv'],
  ['FOLDER/in/raw/years/{{date}}', 'deep/1.csv'],
])('no folder of the archive %s is made where a link in its place leads, for %s', async (archive, name) => {
  const { drop, victim, write, poll } = await droppedInto({ path: 'FOLDER/in/{*,deep/*}.csv', archive });
  await symlink(victim, join(drop, 'raw'));
  await write(name, 'id,name\n1,x\n', 1);
  expect(JSON.stringify(await poll().catch((error: Error) => error.message))).toMatch(/a link leads out/);
  expect(await readdir(victim)).toEqual(['secret.csv']);
  // Where it leads nowhere, that is not made either.
  await rm(join(drop, 'raw'));
  await symlink(join(victim, 'none'), join(drop, 'raw'));
  await poll().catch(() => {});
  expect(await readdir(victim)).toEqual(['secret.csv']);
});

test.each(['a copy', 'no copy'])(
  'a pipe in the place of the note of %s in the archive holds up nothing',
  async (what) => {
    const { drop, write, poll } = await droppedInto({ path: 'FOLDER/in/*.csv', archive: 'FOLDER/in/raw' });
    await mkdir(join(drop, 'raw'));
    if (what === 'a copy') await writeFile(join(drop, 'raw', '1.csv'), 'id,name\n2,x\n');
    execFileSync('mkfifo', [join(drop, 'raw', '1.csv.sha256')]);
    await write('1.csv', 'id,name\n1,x\n', 1);
    expect(idsIn((await poll()).records)).toEqual(['1']);
  },
);

test('a folder for what was read that a person has made a link is one, and so is any with followLinks', async () => {
  const { folder, victim, write, poll, doubts } = await droppedInto({
    path: 'FOLDER/in/*',
    after: { move: 'FOLDER/done' },
  });
  await symlink(victim, join(folder, 'done'));
  await write('1.csv', 'id,name\n1,x\n', 1);
  await poll();
  expect(await readdir(victim)).toEqual(['1.csv', 'secret.csv']);
  expect(doubts).toEqual([]);
  const other = await droppedInto({ ...MOVED_WITHIN, followLinks: true });
  await symlink(other.victim, join(other.drop, 'done'));
  await other.write('sub/1.csv', 'id,name\n1,x\n', 1);
  await other.poll();
  expect(await readFile(join(other.victim, 'sub', '1.csv'), 'utf8')).toBe('id,name\n1,x\n');
  await rm(other.victim, { recursive: true });
});
