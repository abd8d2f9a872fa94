import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@tributary/shared';
import { expect, it, onTestFinished } from 'vitest';
import { S3Target } from '../../src/exports/targets/s3.js';
import { sampleConfig } from '../sample.js';

const never = new AbortController().signal;
const runAt = (day: number) => `2026${String(1000 + day)}T030000000Z-00000000`;

/** As S3 lists and gives objects; it counts what is read. */
async function openBucket(pipeline: string) {
  const runs = new Map<string, { at: string; text: string }>();
  const read: string[] = [];
  const put = (run: string, { at = '2026-01-01T00:00:00.000Z', rows = 1, of = pipeline } = {}) => {
    const times = { asOf: at, writtenAt: at };
    const about = { version: 1, pipeline: of, export: 'set', run, rows, query: 'SELECT 1', format: 'csv' };
    runs.set(run, {
      at,
      text: JSON.stringify({ ...about, ...times, compression: null, columns: [], split: null, files: [] }),
    });
  };
  const server = createServer(({ url = '' }, response) => {
    const path = new URL(url, 'http://127.0.0.1').pathname;
    const run = /\/set\/([^/]+)\/manifest\.json$/.exec(path)?.[1];
    const found = run === undefined ? undefined : runs.get(run);
    if (run !== undefined) read.push(run);
    if (found !== undefined) return response.end(found.text);
    const objects = [...runs].map(
      ([name, { at, text }]) =>
        `<Contents><Key>sets/set/${name}/manifest.json</Key><LastModified>${at}</LastModified><ETag>"e"</ETag><Size>${text.length}</Size></Contents>`,
    );
    response.end(`<ListBucketResult><IsTruncated>false</IsTruncated>${objects.join('')}</ListBucketResult>`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { put, remove: (run: string) => runs.delete(run), read, port: (server.address() as AddressInfo).port };
}

it('reads each manifest in S3 once, and one that was put anew or forgotten again', async () => {
  const { name } = sampleConfig('/nowhere');
  const bucket = await openBucket(name);
  const s3 = `{ endpoint: "http://127.0.0.1:${bucket.port}", accessKey: "a-key", secretKey: "a-secret" }`;
  const more = `exports: { set: { dataset: customers, columns: [id], format: csv, to: "s3://bucket/sets", s3: ${s3} } }`;
  const settings = sampleConfig('/nowhere', 'csv', more).exports.set ?? expect.fail('no export');
  const target = new S3Target(settings, { pipeline: name, name: 'set', clock: systemClock });
  for (const day of [1, 2, 3, 4]) bucket.put(runAt(day));
  bucket.put(runAt(5), { of: 'another' });
  const found = async (most?: number) => (await target.finished(never, most)).map(({ run }) => run);
  const reads = () => bucket.read.splice(0);

  expect(await found(2)).toEqual([runAt(3), runAt(4)]);
  expect(reads()).toEqual([runAt(5), runAt(4), runAt(3)]);
  expect(await found(2)).toEqual([runAt(3), runAt(4)]);
  expect(reads()).toEqual([]);
  expect(await found()).toEqual([1, 2, 3, 4].map(runAt));
  expect(reads()).toEqual([runAt(2), runAt(1)]);

  bucket.put(runAt(4), { at: '2026-01-02T00:00:00.000Z', rows: 7 });
  bucket.remove(runAt(3));
  expect((await target.finished(never)).map(({ rows }) => rows)).toEqual([1, 1, 7]);
  expect(reads()).toEqual([runAt(4)]);
  bucket.put(runAt(3));
  await found();
  expect(reads()).toEqual([runAt(3)]);
});

it('removes a run at once though the server lists uploads of which none ends', async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.method === 'DELETE') return response.writeHead(204).end();
    if (request.url?.includes('uploads') !== true) return response.end('<ListBucketResult></ListBucketResult>');
    const ours = new URL(request.url, 'http://s3').searchParams.get('prefix');
    const one = `<Upload><Key>${ours}</Key><UploadId>left</UploadId></Upload>`;
    response.end(`<List>${one}${'<Upload>'.repeat(20_000)}${'y'.repeat(6_000_000)}</List>`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const s3 = `{ endpoint: "http://127.0.0.1:${(server.address() as AddressInfo).port}", accessKey: "a-key", secretKey: "a-secret" }`;
  const more = `exports: { set: { dataset: customers, columns: [id], format: csv, to: "s3://bucket/sets", s3: ${s3} } }`;
  const config = sampleConfig('/nowhere', 'csv', more);
  const settings = config.exports.set ?? expect.fail('no export');
  const target = new S3Target(settings, { pipeline: config.name, name: 'set', clock: systemClock });
  await target.remove(runAt(1), [], never);
  expect(asked).toContainEqual(expect.stringMatching(/^DELETE .*uploadId=left/));
});
