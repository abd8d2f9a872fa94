import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { LocalPlace } from '../../../src/sources/files/places/local.js';

/** What happens just before and just after a name is resolved. */
const turns = vi.hoisted(() => ({ name: '', before: async () => {}, after: async () => {} }));

vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs/promises')>();
  const realpath = async (path: string) => {
    if (path !== turns.name) return await original.realpath(path);
    await turns.before();
    try {
      return await original.realpath(path);
    } finally {
      await turns.after();
    }
  };
  return { ...original, realpath };
});

test('a link that takes turns with a file is never read, however quick it is', async () => {
  const above = await mkdtemp(join(tmpdir(), 'link-turns-'));
  onTestFinished(() => rm(above, { recursive: true }));
  const folder = join(above, 'in');
  await mkdir(folder);
  const [secret, name] = [join(above, 'secret'), join(folder, '1.csv')];
  await writeFile(secret, 'secret');
  const putLink = async () => {
    await symlink(secret, `${name}.new`);
    await rename(`${name}.new`, name);
  };
  const putFile = async () => {
    await writeFile(`${name}.new`, 'a file');
    await rename(`${name}.new`, name);
  };
  const place = new LocalPlace(join(folder, '*.csv'), { followsLinksOut: false });
  await putFile();
  const [found] = (await place.list(new AbortController().signal)).files;
  if (found === undefined) throw new Error('the file is there');
  Object.assign(turns, { name, before: putFile, after: putLink });
  await putLink();
  await expect(place.open(found)).rejects.toMatchObject({ code: expect.stringMatching(/^link_outside$|^changed$/) });
});
