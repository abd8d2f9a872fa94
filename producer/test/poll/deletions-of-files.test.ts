import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { memoryCursorStore } from '../../src/cursor/cursor.js';
import { startApi } from '../support/api.js';
import { setUpProducer } from '../support/producer.js';

const csv = (ids: readonly string[]) => `id,updatedAt\n${ids.map((id) => `${id},2026-03-01T11:00:00.000Z\n`).join('')}`;

const idsOf = (letter: string) => Array.from({ length: 10 }, (_, index) => `${letter}${index}`);

/** A producer with one endpoint that reads files as a full state, and which keys it deletes with each poll. */
async function setUp(settings: object) {
  const endpoint = { source: 'files', settle: '0ms', deletes: { missing: true }, ...settings };
  const { server, producer } = await setUpProducer({ drop: endpoint }, { cursors: memoryCursorStore() });
  await producer.start();
  return async () => {
    const [summary] = await producer.pollOnce();
    const deleted: unknown[] = [];
    const queue = server.getBroker().getQueue('customer_data');
    for (let message = queue?.get({ noAck: true }); message; message = queue?.get({ noAck: true })) {
      const { id, _deleted } = JSON.parse(String(message.content)) as { id?: unknown; _deleted?: unknown };
      if (_deleted === true) deleted.push(id);
    }
    return { summary, deleted: deleted.toSorted() };
  };
}

async function folderOfFiles() {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-deletes-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const write = (name: string, content: string | Buffer) => writeFile(join(folder, name), content);
  for (const letter of ['a', 'b', 'c']) await write(`${letter}.csv`, csv(idsOf(letter)));
  return { folder, write, at: (name: string) => join(folder, name) };
}

test.each([
  ['a link that leads nowhere', async (path: string) => await symlink('nowhere', path)],
  ['packed data that end early', (path: string) => writeFile(path, gzipSync(csv(idsOf('b'))).subarray(0, 50))],
  ['packed data that are damaged', (path: string) => writeFile(path, Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3, 4]))],
  ['an archive of another kind', (path: string) => writeFile(path, 'PK\x03\x04 and more')],
  ['a line that is no record', (path: string) => writeFile(path, csv(idsOf('b')).replace('b5,', 'b5,"'))],
  ['a line without a key', (path: string) => writeFile(path, csv(idsOf('b')).replace('b5,', ','))],
])(
  'of several files that are a full state, one is %s: nothing is deleted until it can be read',
  async (_what, spoil) => {
    const { folder, write, at } = await folderOfFiles();
    const poll = await setUp({ path: join(folder, '*.csv') });
    expect((await poll()).deleted).toEqual([]);
    await write('a.csv', csv(idsOf('a').slice(1)));
    await rm(at('b.csv'));
    await spoil(at('b.csv'));
    for (let round = 0; round < 2; round++) {
      const { summary, deleted } = await poll();
      expect(deleted).toEqual([]);
      expect(summary?.notDeleted).toMatchObject({ records: expect.any(Number), reason: expect.any(String) });
    }
    await rm(at('b.csv'));
    await write('b.csv', csv(idsOf('b').slice(1)));
    expect((await poll()).deleted).toEqual(['a0', 'b0']);
    expect((await poll()).deleted).toEqual([]);
  },
);

test('of several files that are a full state, one cannot be archived: nothing is deleted, and the poll fails', async () => {
  const { folder, write, at } = await folderOfFiles();
  const poll = await setUp({ path: join(folder, '*.csv'), archive: join(folder, 'raw') });
  await poll();
  await rm(at('raw'), { recursive: true });
  await write('raw', 'a file in the place of the folder');
  await write('a.csv', csv(idsOf('a').slice(1)));
  const { summary, deleted } = await poll();
  expect(deleted).toEqual([]);
  expect(summary?.error).toContain('cannot be archived');
  await rm(at('raw'));
  expect((await poll()).deleted).toEqual(['a0']);
});

test('a listing of S3 that fails behind its first page deletes nothing, and the next one that is whole does', async () => {
  const objects = new Map(['a', 'b', 'c'].map((letter) => [`${letter}.csv`, csv(idsOf(letter))]));
  let fails = false;
  const { url } = await startApi(({ url: { pathname, searchParams } }, response) => {
    const name = pathname.replace('/drop/', '');
    const content = objects.get(name);
    if (content !== undefined) {
      response.writeHead(206, { etag: `"${content.length}"` }).end(content);
      return;
    }
    const isSecond = searchParams.has('continuation-token');
    if (isSecond && fails) {
      response.writeHead(500).end('<Error><Code>InternalError</Code></Error>');
      return;
    }
    const listed = [...objects].filter(([one]) => isSecond === one > 'a.csv');
    const contents = listed.map(
      ([one, { length }]) =>
        `<Contents><Key>${one}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"${length}"</ETag><Size>${length}</Size></Contents>`,
    );
    const more = `<IsTruncated>${!isSecond}</IsTruncated><NextContinuationToken>more</NextContinuationToken>`;
    response.writeHead(200).end(`<ListBucketResult>${contents.join('')}${more}</ListBucketResult>`);
  });
  const poll = await setUp({ path: 's3://drop/*.csv', s3: { endpoint: url }, retries: 0 });
  expect((await poll()).deleted).toEqual([]);
  objects.set('a.csv', csv(idsOf('a').slice(1)));
  fails = true;
  const { summary, deleted } = await poll();
  expect(deleted).toEqual([]);
  expect(summary?.error).toContain('listing s3://drop/');
  fails = false;
  expect((await poll()).deleted).toEqual(['a0']);
});
