import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client } from '@bradenmacdonald/s3-lite-client';
import { runExportCommand } from '@tributary/dashboard';
import { systemClock } from '@tributary/shared';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { RUNNING } from '../../dashboard/src/exports/manifest.js';
import { S3Target } from '../../dashboard/src/exports/targets/s3.js';
import { sampleConfig, writePart } from '../../dashboard/test/sample.js';
import { customers } from '../integration/exports/support.js';
import { type PrivateS3, STRANGER, startPrivateS3 } from '../services/swift/swift.js';

const FOREVER = new AbortController().signal;
const PART = 5 * 1024 * 1024;

let server: PrivateS3;
let client: S3Client;
let buckets = 0;

beforeAll(async () => {
  server = await startPrivateS3();
  client = new S3Client({
    endPoint: server.url,
    region: server.region,
    accessKey: server.accessKey,
    secretKey: server.secretKey,
  });
}, 600_000);

afterAll(async () => {
  await server?.stop();
});

async function stage(settings: string, keys: { accessKey: string; secretKey: string } = server) {
  const folder = await mkdtemp(join(tmpdir(), 'exports-s3-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writePart(folder, customers(500));
  const bucketName = `exports-${++buckets}`;
  await client.makeBucket(bucketName);
  const s3 = `{ endpoint: "${server.url}", accessKey: "${keys.accessKey}", secretKey: "${keys.secretKey}" }`;
  const config = sampleConfig(
    folder,
    'csv',
    `exports:\n  set: { dataset: customers, columns: [id, points], to: "s3://${bucketName}/ml/sets", s3: ${s3}, ${settings} }\n`,
  );
  const settled = config.exports.set;
  if (settled === undefined) throw new Error('no export');
  return {
    folder,
    bucketName,
    target: new S3Target(settled, { pipeline: config.name, name: 'set', clock: systemClock }),
    run: () => runExportCommand({ config, name: 'set', clock: systemClock, signal: FOREVER }),
    put: (key: string, text: string) => client.putObject(key, text, { bucketName }),
    bytesOf: async (key: string) => Buffer.from(await (await client.getObject(key, { bucketName })).arrayBuffer()),
    async keys() {
      const keys: string[] = [];
      for await (const { key } of client.listObjects({ bucketName })) keys.push(key);
      return keys.sort();
    },
  };
}

test('an export to S3 has its manifest last, and is what the manifest says', async () => {
  const { run, keys, bytesOf } = await stage('split: { train: 0.8, test: 0.2, by: id }');
  const { manifest, place } = await run();
  expect(place).toMatch(new RegExp(`^s3://exports-\\d+/ml/sets/set/${manifest.run}$`));
  const home = `ml/sets/set/${manifest.run}`;
  expect(await keys()).toEqual([`${home}/manifest.json`, `${home}/test.parquet`, `${home}/train.parquet`]);
  for (const { name, bytes, sha256 } of manifest.files) {
    const content = await bytesOf(`${home}/${name}`);
    expect([content.length, createHash('sha256').update(content).digest('hex')]).toEqual([bytes, sha256]);
  }
  const told = (await bytesOf(`${home}/manifest.json`)).toString();
  expect(JSON.parse(told)).toEqual(manifest);
  expect(told).not.toContain(server.secretKey);
  expect(told).not.toContain(server.accessKey);
});

test('old runs go, and objects of other programs stay', async () => {
  const { run, put, keys } = await stage('keep: 1');
  const first = (await run()).manifest.run;
  await put(`ml/sets/set/${first}/notes.txt`, 'mine');
  await put('ml/sets/set/README', 'mine');
  await put('ml/sets/set/20200101T000000000Z-00000000/data.parquet', 'mine');
  const { manifest, removed } = await run();
  expect(removed).toEqual([first]);
  expect(await keys()).toEqual(
    [
      'ml/sets/set/20200101T000000000Z-00000000/data.parquet',
      `ml/sets/set/${first}/notes.txt`,
      `ml/sets/set/${manifest.run}/manifest.json`,
      `ml/sets/set/${manifest.run}/set.parquet`,
      'ml/sets/set/README',
    ].sort(),
  );
});

test('what a dead run left is removed by the next, parts of uploads too, and one that is alive is waited for', async () => {
  const { run, target, keys, put, bucketName } = await stage('keep: 3');
  const dead = '20260101T000000000Z-aaaaaaaa';
  const note = {
    pipeline: 'tributary',
    export: 'set',
    run: dead,
    files: ['set.parquet'],
    host: 'other',
    pid: 1,
    begunAt: 'then',
  };
  await target.begin(note, FOREVER);
  await put(`ml/sets/set/${dead}/set.parquet`, 'half');
  const key = `ml/sets/set/${dead}/set.parquet`;
  const begun = await client.makeRequest({
    method: 'POST',
    bucketName,
    objectName: key,
    query: 'uploads',
    returnBody: true,
  });
  const uploadId = /<UploadId>([^<]+)</.exec(await begun.text())?.[1] ?? '';
  const query = { uploadId, partNumber: '1' };
  await client.makeRequest({ method: 'PUT', bucketName, objectName: key, query, payload: new Uint8Array(PART) });
  await expect(run()).rejects.toThrow(/is being exported since then by process 1 on other/);
  // Its process runs no more: by its number, on this machine.
  const { thisHost } = await import('../../dashboard/src/exports/alive.js');
  await put(`ml/sets/set/${dead}/${RUNNING}`, JSON.stringify({ ...note, host: thisHost(), pid: 2 ** 22 + 1 }));
  const { cleared, manifest } = await run();
  expect(cleared).toEqual([dead]);
  expect(await keys()).toEqual([
    `ml/sets/set/${manifest.run}/manifest.json`,
    `ml/sets/set/${manifest.run}/set.parquet`,
  ]);
  const listed = await client.makeRequest({
    method: 'GET',
    bucketName,
    objectName: '',
    query: 'uploads',
    returnBody: true,
  });
  expect(await listed.text()).not.toContain('<UploadId>');
});

test('a large file goes in parts', async () => {
  const { target, folder, bytesOf, bucketName } = await stage('keep: 1');
  const content = Buffer.alloc(40 * 1024 * 1024, 'tributary');
  const path = join(folder, 'large');
  await writeFile(path, content);
  const run = '20260101T000000000Z-aaaaaaaa';
  const { bytes, sha256 } = await target.put(run, 'set.parquet', path, FOREVER);
  expect(bytes).toBe(content.length);
  const found = await bytesOf(`ml/sets/set/${run}/set.parquet`);
  expect(createHash('sha256').update(found).digest('hex')).toBe(sha256);
  expect((await client.statObject(`ml/sets/set/${run}/set.parquet`, { bucketName })).size).toBe(content.length);
});

test.each([
  ['a key that may not write', STRANGER, /403|http_403|look at s3\.accessKey/],
  ['a secret that is wrong', { accessKey: 'test:tester', secretKey: 'a-wrong-secret-1' }, /look at s3\.accessKey/],
])('%s is told in words, without the secret', async (_what, keys, words) => {
  const { run } = await stage('keep: 1', keys);
  const failure = await run().then(
    () => '',
    (error: unknown) => String(error),
  );
  expect(failure).toMatch(words);
  expect(failure).not.toContain(keys.secretKey);
});
