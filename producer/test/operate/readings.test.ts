import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { setUpProducer } from '../support/producer.js';

test('how far files are read is told at /endpoints and in the metrics by the producer that polls them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-readings-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const name of ['a', 'b']) await writeFile(join(folder, `${name}.csv`), 'id,updatedAt\n1,2026-03-01T11:00:00Z\n');
  await writeFile(join(folder, 'a.csv.done'), '');
  await symlink('nowhere', join(folder, 'c.csv'));
  const drop = { source: 'files', path: join(folder, '*.csv'), marker: '.done', schedule: { every: '1h' } };
  const { producer, get } = await setUpProducer({ drop }, { schedule: true });
  await producer.start();
  await vi.waitFor(async () =>
    expect(JSON.parse((await get('/endpoints/drop/status')).text)).toMatchObject({
      lastRun: { records: 1, published: 1 },
      reading: { ahead: 0, waiting: 1, refused: 1, firstRefused: 'c.csv' },
    }),
  );
  const { text } = await get('/metrics');
  expect(text).toMatch(/tributary_files_waiting\{[^}]*endpoint="drop"[^}]*\} 1$/m);
  expect(text).toMatch(/tributary_files_current_bytes\{[^}]*endpoint="drop"[^}]*\} 0$/m);
});
