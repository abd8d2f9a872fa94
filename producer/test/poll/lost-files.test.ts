import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { memoryCursorStore } from '../../src/cursor/cursor.js';
import { filesEndpointWith } from '../support/pipeline.js';
import { setUpProducer } from '../support/producer.js';

test('records that the broker lost of a file that is gone are published again from its archive, once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-lost-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const write = (id: string) => writeFile(join(folder, `${id}.csv`), `id,updatedAt\n${id},2026-03-01T11:00:00.000Z\n`);
  const settings = { path: join(folder, '*.csv'), archive: join(folder, 'raw'), settle: '0ms' };
  const cursors = memoryCursorStore();
  const { server, producer } = await setUpProducer({ drop: { source: 'files', ...settings } }, { cursors });
  await producer.start();
  const poll = async () => {
    const [summary] = await producer.pollOnce();
    expect(summary?.error).toBeUndefined();
    const ids: unknown[] = [];
    const queue = server.getBroker().getQueue('customer_data');
    for (let message = queue?.get({ noAck: true }); message; message = queue?.get({ noAck: true }))
      ids.push((JSON.parse(String(message.content)) as { id?: unknown }).id);
    return ids.toSorted();
  };
  await write('gone');
  await write('stays');
  expect(await poll()).toEqual(['gone', 'stays']);
  await rm(join(folder, 'gone.csv'));
  expect(await poll()).toEqual([]);
  // As LossRecovery does.
  await cursors.lose(filesEndpointWith(settings));
  expect(await poll()).toEqual(['gone', 'stays']);
  expect(await poll()).toEqual([]);
  // A person's reset reads what is there.
  await cursors.reset(filesEndpointWith(settings));
  expect(await poll()).toEqual(['stays']);
});
