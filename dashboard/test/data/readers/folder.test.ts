import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { thisProcess } from '@tributary/shared';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeFolder } from '../../../src/data/readers/csv/folder.js';
import { makeFolder } from '../../../src/exports/folder.js';

const ID = '0123456789abcdef';

let above: string;
beforeEach(async () => {
  above = await mkdtemp(join(tmpdir(), 'folder-'));
});
afterEach(() => rm(above, { recursive: true }));

test('readers of one index that give it back at once leave one, whole', async () => {
  for (let round = 0; round < 20; round++) {
    const folders = await Promise.all(Array.from({ length: 4 }, () => takeFolder(above, ID)));
    await Promise.all(folders.map(({ path }) => writeFile(join(path, 'rows.duckdb'), 'x')));
    await Promise.all(folders.map((folder) => folder.giveBack()));
    expect(await readdir(above)).toEqual([`tributary-index-${ID}`]);
    expect(await readdir(join(above, `tributary-index-${ID}`))).toEqual(['rows.duckdb']);
  }
});

/** As a container names them that is started again: its processes have the same host name and the same numbers. */
const EARLIER = `${hostname()}.${process.pid}-0123456789ab.abc`;
const BEFORE_NAMES = `${hostname()}.${process.pid}.abc`;
const OWN = `${hostname()}.${thisProcess()}.abc`;

test.runIf(process.platform === 'linux').each([
  ['an index', `tributary-index-${ID}-`, async () => void (await (await takeFolder(above, undefined)).remove())],
  ['an export', 'tributary-export-', async () => void (await rm(await makeFolder(above), { recursive: true }))],
])('the folders of %s of an earlier process that had the number of this one are removed', async (_, prefix, take) => {
  for (const name of [EARLIER, BEFORE_NAMES, OWN]) await mkdir(join(above, prefix + name));
  await take();
  expect(await readdir(above)).toEqual([prefix + OWN]);
});
