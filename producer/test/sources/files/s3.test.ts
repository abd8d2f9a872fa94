import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { idsIn, stageOf } from './stage.js';

interface Stored {
  content: Buffer;
  readonly metadata: Readonly<Record<string, string>>;
}

const SECRET = 'a-secret-of-the-bucket';

/** What S3 answers to the requests that are made here. It checks no signature, but that there is one. */
async function startS3() {
  const objects = new Map<string, Stored>();
  const asked: string[] = [];
  let refusal: number | undefined;
  let onCopy = () => {};
  /** What it refuses to read, and why. */
  const denied = new Map<string, string>();
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const url = new URL(request.url ?? '', 'http://s3');
      const key = decodeURIComponent(url.pathname.slice(1));
      asked.push(`${request.method} ${key}`);
      const answer = (status: number, body: Buffer | string = '', headers: Record<string, string> = {}) => {
        response.writeHead(status, headers).end(request.method === 'HEAD' ? undefined : body);
      };
      if (refusal !== undefined)
        return answer(refusal, '<Error><Code>Told</Code><Message>as the test wants</Message></Error>');
      if (!request.headers.authorization?.includes('Credential=reader/'))
        return answer(403, '<Error><Code>AccessDenied</Code></Error>');
      const copied = request.headers['x-amz-copy-source'];
      const object = objects.get(key);
      if (request.method === 'PUT' && typeof copied === 'string') {
        const source = objects.get(decodeURIComponent(copied).replace(/^\//, ''));
        if (source === undefined) return answer(404, '<Error><Code>NoSuchKey</Code></Error>');
        objects.set(key, source);
        onCopy();
        return answer(
          200,
          `<CopyObjectResult><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"${tagOf(source)}"</ETag></CopyObjectResult>`,
        );
      }
      if (request.method === 'PUT') {
        const metadata = Object.fromEntries(
          Object.entries(request.headers).filter(([name]) => name.startsWith('x-amz-meta-')),
        );
        objects.set(key, { content: Buffer.concat(pieces), metadata: metadata as Record<string, string> });
        return answer(200, '', { etag: '"x"' });
      }
      if (request.method === 'DELETE') {
        objects.delete(key);
        return answer(204);
      }
      if (url.searchParams.has('list-type')) {
        const [bucket] = key.split('/');
        const prefix = `${bucket}/${url.searchParams.get('prefix') ?? ''}`;
        const found = [...objects].filter(([name]) => name.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
        const items = found.map(
          ([name, one]) =>
            `<Contents><Key>${name.slice((bucket?.length ?? 0) + 1)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"${tagOf(one)}"</ETag><Size>${one.content.length}</Size></Contents>`,
        );
        return answer(200, `<ListBucketResult><IsTruncated>false</IsTruncated>${items.join('')}</ListBucketResult>`);
      }
      if (object === undefined) return answer(404, '<Error><Code>NoSuchKey</Code><Message>none</Message></Error>');
      const why = denied.get(key);
      if (why !== undefined) return answer(403, `<Error><Code>${why}</Code></Error>`);
      const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
      if (Number(from) >= object.content.length) return answer(416, '<Error><Code>InvalidRange</Code></Error>');
      const body =
        from === undefined ? object.content : object.content.subarray(Number(from), to ? Number(to) + 1 : undefined);
      const headers = {
        etag: `"${tagOf(object)}"`,
        'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
        'content-length': String(body.length),
        ...object.metadata,
      };
      answer(from === undefined ? 200 : 206, body, headers);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    objects,
    asked,
    denied,
    settings: { s3: { endpoint: url, accessKey: 'reader', secretKey: SECRET }, retries: 1, retryDelay: '1ms' },
    put: (key: string, text: string) => void objects.set(key, { content: Buffer.from(text), metadata: {} }),
    afterCopy: (work: () => void) => {
      onCopy = work;
    },
    refuse: (status: number | undefined) => {
      refusal = status;
    },
  };
}

const tagOf = ({ content }: Stored): string => createHash('md5').update(content).digest('hex');

test('objects of a prefix are read once each, kept in the archive with their hash, and moved away', async () => {
  const s3 = await startS3();
  s3.put('drop/in/a.csv', 'id,name\n1,x\n');
  s3.put('drop/in/deep/b.csv', 'id,name\n2,y\n');
  s3.put('drop/in/other.txt', 'none');
  const settings = { path: 's3://drop/in/**/*.csv', archive: 's3://raw/{{date}}/', after: { move: 's3://drop/read/' } };
  const { poll, read } = await stageOf({ ...settings, ...s3.settings });
  const { records, inputs } = await poll();
  expect(idsIn(records)).toEqual(['1', '2']);
  const today = new Date().toISOString().slice(0, 7);
  expect(inputs.map(({ archived }) => archived)).toEqual([
    expect.stringMatching(`^s3://raw/${today}-\\d\\d/a.csv$`),
    expect.stringMatching(`^s3://raw/${today}-\\d\\d/deep/b.csv$`),
  ]);
  const [, kept] = [...s3.objects].find(([key]) => key.startsWith('raw/')) ?? [];
  expect(kept).toEqual({
    content: Buffer.from('id,name\n1,x\n'),
    metadata: { 'x-amz-meta-sha256': createHash('sha256').update('id,name\n1,x\n').digest('hex') },
  });
  expect([...s3.objects.keys()].filter((key) => key.startsWith('drop/')).sort()).toEqual([
    'drop/in/other.txt',
    'drop/read/a.csv',
    'drop/read/deep/b.csv',
  ]);
  expect((await poll()).records).toEqual([]);
  s3.put('drop/in/c.csv', 'id,name\n3,z\n');
  expect(idsIn((await poll()).records)).toEqual(['3']);
  expect(idsIn((await read({ place: undefined })).flatMap((page) => page.records)).toSorted()).toEqual(['1', '2', '3']);
});

test('an object that is replaced while it is read, or listed and not there, costs no other and is read anew', async () => {
  const s3 = await startS3();
  const rows = Array.from({ length: 3_000 }, (_, id) => `${id},${'x'.repeat(1_000)}\n`).join('');
  s3.put('drop/a.csv', `id,name\n${rows}`);
  s3.put('drop/b.csv', 'id,name\nb,x\n');
  const { source, doubts, poll } = await stageOf({ path: 's3://drop/*.csv', chunk: 10, ...s3.settings });
  const ids: unknown[] = [];
  for await (const page of source.pages({ validators: [], signal: new AbortController().signal })) {
    ids.push(...idsIn(page.records));
    s3.put('drop/a.csv', 'id,name\nnew,x\n');
  }
  expect(ids.length).toBeLessThan(3_000);
  expect(ids).toContain('b');
  expect(doubts.join()).toContain('another object was put in its place');
  expect(idsIn((await poll()).records)).toContain('new');
});

test('an object that is archived by the server, may not be read, or cannot be asked for, costs no other', async () => {
  const s3 = await startS3();
  for (const name of ['a', 'frozen', 'hidden', 'what?', 'up/../w', 'z'])
    s3.put(`drop/${name}.csv`, `id,name\n${name},x\n`);
  s3.denied.set('drop/frozen.csv', 'InvalidObjectState').set('drop/hidden.csv', 'AccessDenied');
  const { poll, doubts } = await stageOf({ path: 's3://drop/**', ...s3.settings });
  const { records, inputs, pages } = await poll();
  expect(idsIn(records)).toEqual(['a', 'what?', 'z']);
  const refused = inputs.filter(({ outcome }) => outcome === 'refused');
  expect(refused.map(({ name }) => name).toSorted()).toEqual(['frozen.csv', 'hidden.csv']);
  expect(doubts.join('\n')).toMatch(/frozen\.csv .*restore it/);
  expect(doubts.join('\n')).toMatch(/hidden\.csv .*s3:GetObject/);
  expect(pages.at(-1)?.doubt).toContain('was not read');
  const above = await stageOf({ path: 's3://drop/up/../*.csv', ...s3.settings });
  expect((await above.poll()).records).toEqual([]);
  expect(above.doubts.join('\n')).toMatch(/w\.csv .*rename it/);
  s3.denied.set('drop/a.csv', 'SignatureDoesNotMatch');
  s3.put('drop/a.csv', 'id,name\nanother,x\n');
  await expect(poll()).rejects.toMatchObject({ name: 'FatalError', code: 'http_403' });
});

test('what the broker lost of an object that is gone is read in the archive', async () => {
  const s3 = await startS3();
  s3.put('drop/a.csv', 'id,name\n1,x\n');
  const { poll, read, doubts } = await stageOf({ path: 's3://drop/*.csv', archive: 's3://raw/bank/', ...s3.settings });
  const { place: lost } = await poll();
  s3.objects.delete('drop/a.csv');
  const pages = await read({ place: undefined, lost });
  expect(idsIn(pages.flatMap(({ records }) => records))).toEqual(['1']);
  expect(doubts.join()).toContain('its copy in the archive is read');
});

test('a small object takes one request', async () => {
  const s3 = await startS3();
  s3.put('drop/a.csv', 'id,name\n1,x\n');
  const { poll } = await stageOf({ path: 's3://drop/*.csv', ...s3.settings });
  await poll();
  expect(s3.asked).toEqual(['GET drop/', 'GET drop/a.csv']);
});

test('a refusal is told with what to look at and without the secret; a server that fails is asked again', async () => {
  const s3 = await startS3();
  const { read } = await stageOf({ path: 's3://drop/*.csv', ...s3.settings });
  s3.refuse(403);
  const refused = await read().catch((error: unknown) => error);
  expect(refused).toMatchObject({ name: 'FatalError', code: 'http_403' });
  expect(String(refused)).toMatch(/drop: listing s3:\/\/drop\/ \(http:.*s3\.accessKey/);
  expect(String(refused)).not.toContain(SECRET);
  expect(s3.asked).toHaveLength(1);
  s3.refuse(503);
  const failed = await read().catch((error: unknown) => error);
  expect(failed).toMatchObject({ name: 'RetryableError', code: 'http_503' });
  expect(s3.asked).toHaveLength(3);
});

test('an object that was put in the place of one that was read is not moved unread, and of two of one name both are kept', async () => {
  const s3 = await startS3();
  s3.put('drop/in/a.csv', 'id,name\n1,x\n');
  const settings = { path: 's3://drop/in/*.csv', after: { move: 's3://drop/read/' } };
  const { poll, read, source } = await stageOf({ ...settings, ...s3.settings });
  await poll();
  s3.put('drop/in/a.csv', 'id,name\n2,x\n');
  expect(idsIn((await read()).flatMap(({ records }) => records))).toEqual(['2']);
  s3.put('drop/in/a.csv', 'id,name\n3,x\n');
  await source.saved?.(new AbortController().signal);
  expect(idsIn((await poll()).records)).toEqual(['3']);
  expect([...s3.objects.keys()].toSorted()).toEqual(['drop/read/a.csv', 'drop/read/a.csv.2']);
  expect(idsIn((await read({ place: undefined })).flatMap(({ records }) => records))).toEqual(['1', '3']);
});

test('an object that is put in the place of another while that is moved stays, and is read', async () => {
  const s3 = await startS3();
  s3.put('drop/in/a.csv', 'id,name\n1,x\n');
  s3.afterCopy(() => s3.put('drop/in/a.csv', 'id,name\n2,x\n'));
  const settings = { path: 's3://drop/in/*.csv', after: { move: 's3://drop/read/' } };
  const { poll } = await stageOf({ ...settings, ...s3.settings });
  expect(idsIn((await poll()).records)).toEqual(['1']);
  s3.afterCopy(() => {});
  expect(idsIn((await poll()).records)).toEqual(['2']);
  expect([...s3.objects.keys()].toSorted()).toEqual(['drop/read/a.csv', 'drop/read/a.csv.2']);
});

test('a password in the address of the server is not shown', async () => {
  const endpoint = 'http://somebody:a-password-of-theirs@127.0.0.1:1';
  const { read } = await stageOf({ path: 's3://drop/*.csv', s3: { endpoint }, retries: 0 });
  const failed = await read().catch((error: unknown) => error);
  expect(String(failed)).toContain('127.0.0.1:1');
  expect(String(failed)).not.toContain('a-password-of-theirs');
});

/** A server that answers as a test wants, and not as S3 does. */
async function startHostile(answer: (url: URL, response: ServerResponse) => void) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://s3');
    asked.push(`${url.pathname}?${url.searchParams.get('continuation-token') ?? ''}`);
    answer(url, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const s3 = { endpoint, region: 'here', accessKey: 'reader', secretKey: SECRET, sessionToken: 'a-token-of-a-session' };
  return { endpoint, asked, settings: { path: 's3://drop/*.csv', s3, retries: 0 } };
}

const listingOf = (content: string, more = '') =>
  `<?xml version="1.0"?><ListBucketResult>${more}<Contents><Key>a.csv</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"x"</ETag><Size>${content.length}</Size></Contents></ListBucketResult>`;

const isList = (url: URL) => url.searchParams.has('list-type');

test.each([
  ['the listing', isList],
  ['an object', (url: URL) => !isList(url)],
])(
  'a redirect of %s is not followed: another server would get the token, or give the records',
  async (_what, isSent) => {
    const elsewhere = await startHostile((_url, response) => void response.end('id,name\n666,x\n'));
    const s3 = await startHostile((url, response) => {
      if (isSent(url)) response.writeHead(307, { location: `${elsewhere.endpoint}/drop` }).end();
      else response.end(listingOf('id,name\n1,x\n'));
    });
    const { read } = await stageOf(s3.settings);
    const failed = await read().catch((error: unknown) => error);
    expect(String(failed)).toMatch(/redirect \(307\), which is not followed; look at s3.endpoint and s3.region/);
    expect(elsewhere.asked).toEqual([]);
  },
);

test.each([
  ['a listing', isList],
  ['an object', (url: URL) => !isList(url)],
  ['an error', () => true],
])('%s that never ends is left', async (what, isEndless) => {
  let closed = 0;
  const piece = Buffer.alloc(64 * 1024, '<ListBucketResult> ');
  const s3 = await startHostile((url, response) => {
    if (!isEndless(url)) return void response.end(listingOf('id,name\n1,x\n'));
    response.writeHead(what === 'an error' ? 500 : isList(url) ? 200 : 206, { etag: '"x"' });
    const more = () => {
      while (!response.destroyed && response.write(piece));
    };
    response.on('drain', more).on('close', () => closed++);
    more();
  });
  const { read } = await stageOf(s3.settings);
  const failed = await read().catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(Error);
  expect(String(failed).length).toBeLessThan(1_000);
  await vi.waitFor(() => expect(closed).toBe(1), 20_000);
});

test('a server that does not answer is left after the timeout, and a listing whose poll has ended is asked for no further page', async () => {
  const s3 = await startHostile((url, response) => {
    if (isList(url))
      response.end(listingOf('', '<IsTruncated>true</IsTruncated><NextContinuationToken>more</NextContinuationToken>'));
  });
  const { read } = await stageOf(s3.settings);
  const over = new AbortController();
  const reading = read({ signal: over.signal }).catch((error: unknown) => error);
  await vi.waitFor(() => expect(s3.asked.length).toBeGreaterThan(3), 20_000);
  over.abort();
  expect(await reading).toBeInstanceOf(Error);
  const asked = s3.asked.length;
  await new Promise((done) => setTimeout(done, 300));
  expect(s3.asked.length).toBeLessThanOrEqual(asked + 1);

  const silent = await startHostile(() => {});
  const stage = await stageOf({ ...silent.settings, timeout: '1s' });
  expect(String(await stage.read().catch((error: unknown) => error))).toMatch(/timeout/i);
});

test.each([
  ['comments', `<ListBucketResult>${'<!--'.repeat(60_000)}`, /none of S3/],
  ['elements', `<ListBucketResult>${'<a/>'.repeat(200_000)}`, /larger than any of S3/],
  ['words', 'no S3 here '.repeat(100_000), /none of S3: no S3 here/],
  ['another document', '<Html>hello</Html>', /Unexpected response/],
])('an answer of %s is told in few words, and costs no time', async (_what, body, words) => {
  const s3 = await startHostile((_url, response) => void response.end(body));
  const { read } = await stageOf(s3.settings);
  const failed = await read().catch((error: unknown) => error);
  expect(String(failed)).toMatch(words);
  expect(String(failed).length).toBeLessThan(1_000);
});

test('a key of S3 that is too long for the archive, or a folder and a file at once, costs no other object', async () => {
  const s3 = await startS3();
  const long = `${'n'.repeat(250)}.csv`;
  for (const [number, name] of ['a.csv', 'a.csv/b.csv', long, 'z.csv'].entries())
    s3.put(`drop/${name}`, `id,name\n${number},x\n`);
  const { poll, doubts } = await stageOf({ path: 's3://drop/**', archive: 'FOLDER/raw', ...s3.settings });
  expect(idsIn((await poll()).records)).toEqual(['0', '3']);
  expect(doubts.join('\n')).toMatch(/a\.csv\/b\.csv.*its copy cannot be made: the archive holds a file/);
  expect(doubts.join('\n')).toMatch(/nnn\.csv.*its copy cannot be made: its name/);
});
