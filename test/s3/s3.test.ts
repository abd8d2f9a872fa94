import { createHash } from 'node:crypto';
import { S3Client } from '@bradenmacdonald/s3-lite-client';
import { type Clock, systemClock } from '@tributary/shared';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { describeSource } from '../../producer/test/sources/conformance.js';
import { idsIn, stageOf } from '../../producer/test/sources/files/stage.js';
import { BoundedClient } from '../../shared/src/s3/bounded-client.js';
import { type PrivateS3, SLOW, STRANGER, startPrivateS3 } from '../services/swift/swift.js';
import { startFront } from './front.js';

const FOREVER = new AbortController().signal;

let server: PrivateS3;
let buckets = 0;

beforeAll(async () => {
  server = await startPrivateS3();
}, 600_000);

afterAll(async () => {
  await server?.stop();
});

const clientOf = ({ accessKey, secretKey }: { accessKey: string; secretKey: string }) =>
  new S3Client({ endPoint: server.url, region: server.region, accessKey, secretKey });

/** A bucket of the test's own, and what a source needs to read it. */
async function bucketFor(endpoint = server.url, keys: { accessKey: string; secretKey: string } = server) {
  const bucketName = `bucket-${++buckets}`;
  const client = clientOf(keys);
  await client.makeBucket(bucketName);
  const { accessKey, secretKey } = keys;
  return {
    name: bucketName,
    settings: { s3: { endpoint, accessKey, secretKey }, retries: 2, retryDelay: '1ms' },
    // The library's own requests take what is behind a `?` for a query.
    put: (key: string, content: string | Uint8Array<ArrayBuffer>) =>
      new BoundedClient({
        ...keys,
        endPoint: server.url,
        region: server.region,
        signal: FOREVER,
        timeout: 60_000,
      }).putObject(key, content, { bucketName }),
    putInParts: (key: string, content: Buffer<ArrayBuffer>) =>
      client.putObject(key, new Blob([content]).stream(), { bucketName, size: content.length, partSize: PART }),
    remove: (key: string) => client.deleteObject(key, { bucketName }),
    metadataOf: async (key: string) => (await client.statObject(key, { bucketName })).metadata,
    bytesOf: async (key: string) => Buffer.from(await (await client.getObject(key, { bucketName })).arrayBuffer()),
    async keys(prefix = '') {
      const keys: string[] = [];
      for await (const { key } of client.listObjects({ bucketName, prefix })) keys.push(key);
      return keys.sort();
    },
  };
}

/** The smallest part that S3 takes. */
const PART = 5 * 1024 * 1024;

const rows = (from: number, to: number, width = 1) =>
  Array.from({ length: to - from }, (_, index) => `${from + index},${'x'.repeat(width)}\n`).join('');

const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');

describeSource('files of S3', async () => {
  const front = await startFront(server.url);
  const { name, settings, put } = await bucketFor(front.url);
  const { endpoint, source } = await stageOf({ path: `s3://${name}/in/*`, chunk: 10, ...settings, retries: 0 });
  let files = 0;
  return {
    endpoint,
    source,
    goesByPlace: true,
    secret: server.secretKey,
    now: () => systemClock.now(),
    async put(records) {
      await put(`in/${++files}.ndjson`, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    },
    async goAway() {
      front.answer(() => 'cut');
      return async () => front.answer(() => undefined);
    },
  };
});

describe('objects of a real S3 server', () => {
  test('of more than a page of a listing, each is read once, and only those that the path matches', async () => {
    const { name, settings, put } = await bucketFor();
    const count = 1_050;
    for (let from = 0; from < count; from += 50) {
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => put(`in/deep/${from + index}.csv`, `id,name\n${from + index},x\n`)),
      );
    }
    for (const other of ['in/deep/other.txt', 'in/deep/.hidden.csv', 'in/deep/half.csv.part', 'inside/1.csv'])
      await put(other, 'id,name\nnone,x\n');
    const { poll } = await stageOf({ path: `s3://${name}/in/**/*.csv`, ...settings });
    const ids = idsIn((await poll()).records).map(Number);
    expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, id) => id));
    expect((await poll()).records).toEqual([]);
  });

  test('whatever characters their names have, are read, archived and moved', async () => {
    const { name, settings, put, keys } = await bucketFor();
    const names = [
      'a b.csv',
      'a+b.csv',
      'a%20b.csv',
      'a%2Fb.csv',
      'ä/ö ü.csv',
      'e\u0301.csv',
      '日本/😀.csv',
      'x&y<z>"quoted".csv',
      "q'(1)!*.csv",
      'a;b,c=d@e$f:g.csv',
      'back\\slash#~[1]{2}.csv',
      'two//slashes.csv',
      'what?now=1&then.csv',
    ];
    for (const [id, one] of names.entries()) await put(`in dir+ä/${one}`, `id,name\n${id},x\n`);
    const { poll, doubts, read } = await stageOf({
      path: `s3://${name}/in dir+ä/**`,
      archive: `s3://${name}/raw/{{date}}/`,
      after: { move: `s3://${name}/done/` },
      ...settings,
    });
    const { records, inputs } = await poll();
    expect(doubts).toEqual([]);
    expect(
      idsIn(records)
        .map(Number)
        .toSorted((a, b) => a - b),
    ).toEqual([...names.keys()]);
    expect(inputs.map(({ name: file }) => file).toSorted()).toEqual(names.toSorted());
    expect(await keys('in')).toEqual([]);
    expect(await keys('done/')).toEqual(names.map((one) => `done/${one}`).toSorted());
    expect((await keys('raw/')).map((key) => key.slice('raw/2026-01-01/'.length))).toEqual(names.toSorted());
    const again = (await read({ place: undefined })).flatMap((page) => page.records);
    expect(idsIn(again)).toHaveLength(names.length);
  });

  test('that cannot be asked for by their names, or may not be read, are told, and cost no other', async () => {
    const front = await startFront(server.url);
    const { name, settings, put } = await bucketFor(front.url);
    for (const id of ['a', 'frozen', 'hidden', 'b']) await put(`${id}.csv`, `id,name\n${id},x\n`);
    await clientOf(server).makeRequest({
      method: 'PUT',
      bucketName: name,
      objectName: 'what.csv',
      payload: 'id,name\n1,x\n',
    });
    front.answer(({ method, url }) => {
      if (method !== 'GET') return undefined;
      if (url.includes('frozen')) return { status: 403, code: 'InvalidObjectState' };
      return url.includes('hidden') ? { status: 403, code: 'AccessDenied' } : undefined;
    });
    const { poll, doubts } = await stageOf({ path: `s3://${name}/**`, ...settings });
    const { records, inputs, pages } = await poll();
    expect(idsIn(records).toSorted()).toEqual(['1', 'a', 'b']);
    expect(inputs.filter(({ outcome }) => outcome === 'refused').map(({ name: file }) => file)).toEqual([
      'frozen.csv',
      'hidden.csv',
    ]);
    expect(doubts.join('\n')).toMatch(/frozen\.csv .*restore it/);
    expect(doubts.join('\n')).toMatch(/hidden\.csv .*the key may not read it/);
    expect(pages.at(-1)?.doubt).toContain('was not read');
  });

  test('in parts, with the ETag of such, are read as a whole, are known again, and are moved', async () => {
    const { name, settings, putInParts, keys } = await bucketFor();
    const content = Buffer.from(`id,name\n${rows(0, 7_000, 1_000)}`);
    const { etag } = await putInParts('big.csv', content);
    expect(etag).toMatch(/-2$/);
    const { poll } = await stageOf({ path: `s3://${name}/*.csv`, ...settings });
    const moving = await stageOf({ path: `s3://${name}/*.csv`, after: { move: `s3://${name}/done/` }, ...settings });
    const { records, inputs } = await poll();
    expect(records).toHaveLength(7_000);
    expect(inputs).toMatchObject([{ outcome: 'read', bytes: content.length, sha256: sha256(content) }]);
    expect((await poll()).records).toEqual([]);
    await moving.poll();
    expect(await keys()).toEqual(['done/big.csv']);
    const again = await moving.read({ place: undefined });
    expect(again.flatMap((page) => page.records)).toHaveLength(7_000);
  });

  test('of many pieces are read on where the run before was killed, and the pieces before are not fetched again', async () => {
    const front = await startFront(server.url);
    const { name, settings, put } = await bucketFor(front.url);
    await put('big.csv', Buffer.from(`id,name\n${rows(0, 6_000, 1_000)}`));
    // A place is given every two seconds: each look at this clock is one.
    let now = 0;
    const clock: Clock = { ...systemClock, monotonic: () => (now += 2_000), now: () => systemClock.now() };
    const { source } = await stageOf({ path: `s3://${name}/*.csv`, chunk: 500, ...settings }, {}, clock);
    const ids: unknown[] = [];
    let place: object | undefined;
    for await (const page of source.pages({ validators: [], signal: new AbortController().signal })) {
      ids.push(...idsIn(page.records));
      place = page.place;
      if (ids.length >= 4_000) break;
    }
    expect(place).toBeDefined();
    const before = front.passed.length;
    const saved = JSON.parse(JSON.stringify(place)) as object;
    for await (const page of source.pages({ validators: [], place: saved, signal: new AbortController().signal }))
      ids.push(...idsIn(page.records));
    expect(ids).toEqual(Array.from({ length: 6_000 }, (_, id) => String(id)));
    const ranges = front.passed.slice(before).flatMap(({ range }) => range ?? []);
    // The beginning is looked at for what the file is, and all of it once more for its hash.
    expect(ranges.some((range) => /^bytes=4\d{6}-/.test(range))).toBe(true);
  });

  test('that are replaced, or removed, while they are read are told, and cost no other', async () => {
    const { name, settings, put, remove } = await bucketFor();
    await put('a.csv', `id,name\n${rows(0, 3_000, 1_000)}`);
    await put('b.csv', `id,name\n${rows(10_000, 13_000, 1_000)}`);
    await put('c.csv', 'id,name\nc,x\n');
    const { source, doubts, poll } = await stageOf({ path: `s3://${name}/*.csv`, chunk: 10, ...settings });
    const ids: unknown[] = [];
    for await (const page of source.pages({ validators: [], signal: new AbortController().signal })) {
      ids.push(...idsIn(page.records));
      if (ids.at(-1) === '9') await put('a.csv', 'id,name\nnew,x\n');
      if (ids.at(-1) === '10009') await remove('b.csv');
    }
    expect(ids.length).toBeLessThan(6_000);
    expect(ids).toContain('c');
    expect(doubts.join('\n')).toMatch(/a\.csv .*another object was put in its place/);
    expect(doubts.join('\n')).toMatch(/b\.csv .*it is listed, and not there/);
    expect(idsIn((await poll()).records).toSorted()).toEqual(['c', 'new']);
  });

  test('are archived with their bytes and hash, also empty ones; another of the name stands beside', async () => {
    const { name, settings, put, bytesOf } = await bucketFor();
    const raw = await bucketFor();
    const first = 'id,name\n1,x\n';
    await put('in/a.csv', first);
    await put('in/empty.csv', '');
    const archive = `s3://${raw.name}/bank/`;
    const { poll } = await stageOf({ path: `s3://${name}/in/*.csv`, archive, ...settings });
    await poll();
    expect(await raw.keys()).toEqual(['bank/a.csv', 'bank/empty.csv']);
    expect(String(await raw.bytesOf('bank/a.csv'))).toBe(first);
    expect(await raw.metadataOf('bank/a.csv')).toMatchObject({ 'x-amz-meta-sha256': sha256(first) });
    expect(await raw.metadataOf('bank/empty.csv')).toMatchObject({ 'x-amz-meta-sha256': sha256('') });
    const second = 'id,name\n2,x\n';
    await put('in/a.csv', second);
    expect(idsIn((await poll()).records)).toEqual(['2']);
    const beside = `bank/a.csv.${sha256(second).slice(0, 12)}`;
    expect(await raw.keys()).toEqual(['bank/a.csv', beside, 'bank/empty.csv']);
    expect(String(await raw.bytesOf(beside))).toBe(second);
    expect(String(await bytesOf('in/a.csv'))).toBe(second);
  });

  test('are moved with their markers, and one of the name that was moved before stays', async () => {
    const { name, settings, put, keys, bytesOf } = await bucketFor();
    const { poll } = await stageOf({
      path: `s3://${name}/in/*.csv`,
      marker: '.done',
      after: { move: `s3://${name}/in/read/` },
      ...settings,
    });
    for (const id of ['1', '2']) {
      await put('in/a.csv', `id,name\n${id},x\n`);
      await put('in/a.csv.done', '');
      expect(idsIn((await poll()).records)).toEqual([id]);
    }
    expect(await keys()).toEqual(['in/read/a.csv', 'in/read/a.csv.2', 'in/read/a.csv.done', 'in/read/a.csv.done.2']);
    expect(String(await bytesOf('in/read/a.csv.2'))).toBe('id,name\n2,x\n');
  });
});

describe('a real S3 server that refuses', () => {
  const failureOf = async (settings: object) => {
    const { read, retried } = await stageOf(settings);
    const failure: unknown = await read().catch((error: unknown) => error);
    return { failure, told: String(failure), retried };
  };

  test('a wrong secret, a key that it does not know, and one that may not, with what to look at and without the secret', async () => {
    const { name, settings } = await bucketFor();
    const path = `s3://${name}/*.csv`;
    for (const keys of [
      { accessKey: server.accessKey, secretKey: 'another-secret' },
      { accessKey: 'test:nobody', secretKey: 'another-secret' },
      STRANGER,
    ]) {
      const { failure, told, retried } = await failureOf({ path, ...settings, s3: { ...settings.s3, ...keys } });
      expect(failure).toMatchObject({ name: 'FatalError', code: 'http_403' });
      expect(told).toMatch(/drop: listing s3:\/\/bucket-\d+\/ \(http:.*look at s3\.accessKey/);
      expect(told).not.toContain(keys.secretKey);
      expect(retried).toEqual([]);
    }
  });

  test('a bucket that is not there, to read and to archive into', async () => {
    const { name, settings, put } = await bucketFor();
    const { failure, told } = await failureOf({ path: 's3://no-such-bucket/*.csv', ...settings });
    expect(failure).toMatchObject({ name: 'FatalError', code: 'bucket_missing' });
    expect(told).toContain('there is no bucket no-such-bucket');
    await put('a.csv', 'id,name\n1,x\n');
    const archived = await failureOf({ path: `s3://${name}/*.csv`, archive: 's3://no-such-bucket/', ...settings });
    expect(archived.failure).toMatchObject({ code: 'archive_failed' });
    expect(archived.told).toMatch(/a\.csv cannot be archived, and is not read before it is: .*no-such-bucket/);
  });

  test('a request that comes too soon, which is sent again', async () => {
    const { name, settings, put } = await bucketFor(server.url, SLOW);
    await put('a.csv', 'id,name\n1,x\n');
    const told = new Set<string>();
    // Which of them comes too soon depends on how busy the machine is.
    await vi.waitFor(
      async () => {
        const stages = await Promise.all(
          [1, 2, 3].map(() => stageOf({ path: `s3://${name}/*`, ...settings, retries: 10, retryDelay: '200ms' })),
        );
        await Promise.all(stages.map(({ read }) => read()));
        for (const { retried } of stages) for (const code of retried) told.add(code);
        expect([...told]).toEqual(['http_503']);
      },
      { timeout: 60_000 },
    );
  });

  test('the second page of a listing: nothing of it counts, and nothing is given', async () => {
    const front = await startFront(server.url);
    const { name, settings, put } = await bucketFor(front.url);
    await put('a.csv', 'id,name\n1,x\n');
    front.answer(({ url }) => (url.includes('list-type') ? { status: 500, code: 'InternalError' } : undefined));
    const { failure, retried } = await failureOf({ path: `s3://${name}/*.csv`, ...settings });
    expect(failure).toMatchObject({ name: 'RetryableError', code: 'http_500' });
    expect(retried).toEqual(['http_500', 'http_500']);
  });
});
