import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { csvStore } from './csv-store.js';

test('Eight consumers that begin at once on a new CSV output give it one name, and leave nothing beside it', async () => {
  // Where it could happen that two of them had different names, it did within some hundred rounds.
  for (let round = 0; round < 100; round++) {
    const store = await csvStore();
    const names = await Promise.all(Array.from({ length: 8 }, () => store.connect().identity()));
    expect(new Set(names).size).toBe(1);
    expect(await readdir(join(store.directory, '.tributary'))).not.toContain('sink-id-offered');
    await store.remove();
  }
});

test('A CSV output of a later version of Tributary is refused, and stays as it is', async () => {
  const store = await csvStore();
  await store.connect().identity();
  const format = join(store.directory, '.tributary', 'format');
  expect(await readFile(format, 'utf8')).toBe('1');
  await writeFile(format, '2');
  await expect(store.connect().identity()).rejects.toThrow('written by a later version of Tributary (format 2');
  expect(await readFile(format, 'utf8')).toBe('2');
  await store.remove();
});
