import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Environment, parsePipeline, systemClock } from '@tributary/shared';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it, onTestFinished } from 'vitest';
import { groupsOf } from '../../src/discover/given/file-groups.js';
import { draftOfFiles, isFilesPath } from '../../src/discover/given/files.js';
import { pipelineText } from '../../src/discover/write/document.js';
import { showRows } from '../../src/discover/write/rows.js';

const lines = (count: number, make: (number: number) => string): string =>
  Array.from({ length: count }, (_, index) => `${make(index + 1)}\n`).join('');

/** A folder with these files. */
async function folderWith(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'discover-files-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, content);
  }
  return folder;
}

async function found(path: string, env: Environment = {}) {
  const signal = new AbortController().signal;
  const draft = await draftOfFiles({ path, env, clock: systemClock, signal });
  const { text, endpoints } = pipelineText(draft, undefined, 'schema.json');
  const records = new Map(endpoints.map((id, index) => [id, draft.endpoints[index]?.records ?? []]));
  const rows = showRows(text, env, 'found.yaml', records, 120);
  return { draft, text, rows, config: parsePipeline(text, env, 'found.yaml') };
}

const ORDERS = (day: string) => `id;total;booked\n${lines(4, (id) => `${day}-${id};${id}.50;${day}T08:00:00Z`)}`;

describe('discover, of files', () => {
  it('makes one endpoint of files whose names differ in days, and one of each other kind', async () => {
    const folder = await folderWith({
      'orders-2024-05-01.csv': ORDERS('2024-05-01'),
      'orders-2024-05-02.csv': ORDERS('2024-05-02'),
      'deep/events.ndjson.gz': gzipSync(lines(3, (id) => JSON.stringify({ event_id: `e${id}`, payload: { n: id } }))),
      'products.json': JSON.stringify({ meta: {}, data: { items: [{ sku: 'a-1' }, { sku: 'a-2' }, { sku: 'a-3' }] } }),
      'rates.parquet': new Uint8Array(
        parquetWriteBuffer({
          columnData: [
            { name: 'code', data: ['CHF', 'EUR', 'USD'], type: 'STRING' },
            { name: 'rate', data: [1, 0.9, 1.1], type: 'DOUBLE' },
          ],
        }),
      ),
      'README.md': 'none of it',
    });
    const { config, rows, draft } = await found(folder);
    expect(config.endpoints).toMatchObject({
      orders: { source: 'files', path: `${folder}/orders-*.csv` },
      events: { path: `${folder}/deep/events.ndjson.gz` },
      products: { path: `${folder}/products.json`, items: '$.data.items' },
      rates: { path: `${folder}/rates.parquet` },
    });
    expect(config.entities).toMatchObject({
      order: { key: 'id', fields: { total: { type: 'decimal' }, booked: { type: 'datetime' } } },
      event: { key: 'event_id', fields: { payload_n: { type: 'integer', from: '$.payload.n' } } },
      product: { key: 'sku' },
      rate: { key: 'code', fields: { rate: { type: 'decimal' } } },
    });
    expect([...rows.values()].map(({ bad }) => bad)).toEqual([0, 0, 0, 0]);
    expect(draft.endpoints).toHaveLength(4);
  });

  it('takes one file, or the files of a path with a placeholder, as they are given', async () => {
    const folder = await folderWith({ 'a.csv': 'id,name\n1,x\n2,y\n', 'b.csv': 'id,name\n3,z\n4,v\n' });
    expect((await found(join(folder, 'a.csv'))).draft.endpoints[0]).toMatchObject({
      settings: { path: join(folder, 'a.csv') },
      records: [{ id: '1' }, { id: '2' }],
    });
    expect((await found(`${folder}/*.csv`)).draft.endpoints[0]?.settings).toMatchObject({ path: `${folder}/*.csv` });
  });

  it('knows records by their file and line that nothing else tells apart', async () => {
    const folder = await folderWith({ 'log.csv': `level,message\n${lines(6, () => 'info,started')}` });
    const { config, text, rows } = await found(folder);
    expect(config.entities.log).toMatchObject({
      key: ['file', 'line'],
      fields: { file: { from: '$.$file' }, line: { type: 'integer', from: '$.$line' } },
    });
    expect(text).toContain('# unsure: nothing tells the records apart but the file and the line');
    expect([...rows.values()].map(({ bad }) => bad)).toEqual([0]);
  });

  it('knows a key that comes again in the file of the next day', async () => {
    const stock = (count: number) => `sku,amount\n${lines(4, (id) => `s-${id},${count + id}`)}`;
    const folder = await folderWith({ 'stock_20240501.csv': stock(10), 'stock_20240502.csv': stock(20) });
    const { config } = await found(folder);
    expect(config.entities.stock).toMatchObject({ key: 'sku' });
  });

  it('reads a prefix of S3 by what its tools take from the environment, and writes no secret', async () => {
    const content = ORDERS('2024-05-01');
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://s3');
      if (!request.headers.authorization?.includes('Credential=reader/')) return response.writeHead(403).end();
      const object = `<Contents><Key>in/orders.csv</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"x"</ETag><Size>${content.length}</Size></Contents>`;
      if (url.searchParams.has('list-type'))
        return response.end(`<ListBucketResult><IsTruncated>false</IsTruncated>${object}</ListBucketResult>`);
      const [, from = '0', to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
      const body = content.slice(Number(from), to ? Number(to) + 1 : undefined);
      response.writeHead(request.headers.range === undefined ? 200 : 206, {
        etag: '"x"',
        'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
        'content-length': String(body.length),
      });
      return response.end(request.method === 'HEAD' ? undefined : body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const env = {
      AWS_ACCESS_KEY_ID: 'reader',
      AWS_SECRET_ACCESS_KEY: 'a-secret-of-the-bucket',
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    };
    const { text, config } = await found('s3://drop/in/', env);
    expect(config.endpoints.orders).toMatchObject({ path: 's3://drop/in/orders.csv', s3: { accessKey: 'reader' } });
    expect(text).not.toContain('a-secret');
    expect(text).toContain(`secretKey: "\${AWS_SECRET_ACCESS_KEY}"`);
  });

  it('says what there is where nothing can be made of it', async () => {
    await expect(found(await folderWith({ 'a.md': 'x' }))).rejects.toThrow(/no CSV, JSON, NDJSON or Parquet files in/);
    await expect(found(await folderWith({ 'a.csv': '' }))).rejects.toThrow(/no records can be read/);
    const foreign = await folderWith(Object.fromEntries([[`\${HOME}.csv`, 'id,n\n1,2\n2,3\n']]));
    await expect(found(foreign, { HOME: '/root' })).rejects.toThrow(/filled from your environment/);
  });
});

describe('the path of files', () => {
  it('is what is there, or lies in S3, and no URL', async () => {
    const folder = await folderWith({ 'a.csv': 'x' });
    expect([folder, `${folder}/a.csv`, `${folder}/*.csv`, 's3://bucket/x/'].map(isFilesPath)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    const others = ['https://api.example.org/v1?x=*', 'localhost:3000/posts', `${folder}/none.csv`, 'curl https://x/*'];
    expect(others.map(isFilesPath)).toEqual([false, false, false, false]);
  });

  it.each([
    [['a-2024-05-01.csv', 'a-2024-06-02.csv'], ['a-*.csv']],
    [['2024-05-01.json', '2024-05-02.json'], ['*.json']],
    [['x/part-0001.parquet', 'y/part-0002.parquet'], ['**/part-*.parquet']],
    [
      ['users.csv', 'orders.csv'],
      ['users.csv', 'orders.csv'],
    ],
    [['orders_20240501T0800.csv.gz'], ['orders_*.csv.gz']],
    [['notes.txt~', 'a.exe'], []],
  ])('has a placeholder for what differs: %j', (names, patterns) => {
    expect(groupsOf(names).map(({ pattern }) => pattern)).toEqual(patterns);
  });
});
