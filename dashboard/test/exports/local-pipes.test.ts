import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { LocalTarget } from '../../src/exports/targets/local.js';

const RUN = '20260101T030000000Z-00000000';

it.each([[`${RUN}/manifest.json`], [`.${RUN}.part/running.json`], [`.${RUN}.part/manifest.json`]])(
  'a pipe that another program has put at %s holds up nothing',
  { timeout: 15_000 },
  async (name) => {
    const folder = await mkdtemp(join(tmpdir(), 'pipes-'));
    const path = join(folder, 'set', name);
    // Each that is opened without care takes one of Node's four threads for ever: something is written, for the test to end.
    const free = () => execFileSync('timeout', ['1', 'sh', '-c', `exec 3<>'${path}'`]);
    onTestFinished(() => rm(folder, { recursive: true }));
    await mkdir(dirname(path), { recursive: true });
    execFileSync('mkfifo', [path]);
    const target = new LocalTarget(folder, { pipeline: 'sample', name: 'set' });
    const late = Symbol('late');
    let timer: NodeJS.Timeout | undefined;
    const looked = Promise.all([target.finished(), target.unfinished()]);
    const found = await Promise.race([
      looked,
      new Promise((resolve) => (timer = setTimeout(() => resolve(late), 5_000))),
    ]);
    clearTimeout(timer);
    if (found === late) free();
    expect(found).toEqual([[], expect.anything()]);
  },
);
