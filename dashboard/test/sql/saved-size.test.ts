import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@tributary/shared';
import { expect, it, onTestFinished } from 'vitest';
import { ROUTES } from '../../src/http/routes.js';
import { SavedQueries } from '../../src/sql/saved.js';

it('saves a megabyte of queries at most: each look at the page reads and sends them all', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'saved-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const saved = new SavedQueries(join(folder, 'queries.json'), systemClock);
  const query = 'x'.repeat(300_000);
  const save = (name: string) => saved.save({ name, query, who: 'otto' });
  for (const name of ['a', 'b', 'c']) await save(name);
  await expect(save('d')).rejects.toThrow(/remove some/);
  await save('a');
  await saved.remove('b');
  await save('d');
  expect((await saved.list()).map(({ name }) => name)).toEqual(['a', 'c', 'd']);
});

it('sends them in turns', () => {
  expect(ROUTES.find(({ method, path }) => method === 'get' && path === '/api/sql')?.load).not.toBe('light');
});
