import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Page } from '../../../src/sources/port.js';
import { json, startApi } from '../../support/api.js';
import { ManualClock } from '../../support/manual-clock.js';
import { recordsOf, sourceWith } from '../../support/source.js';

const validatorsOf = (pages: readonly Page[]) => pages.flatMap(({ validator }) => validator ?? []);

describe('a REST source', () => {
  it('asks with the configured query and headers, and yields the records', async () => {
    const api = await startApi((_request, response) => json(response, { data: { items: [{ id: 'a' }, 7, null] } }));
    const { read } = sourceWith({
      url: `${api.url}/customers?kind=b%20c`,
      query: { active: true, n: 3 },
      headers: { 'X-Api-Key': 'secret', Accept: 'application/vnd.crm+json' },
      items: '$.data.items',
    });
    expect(recordsOf(await read())).toEqual([{ id: 'a' }, 7, null]);
    expect(api.asked[0]?.url.searchParams.toString()).toBe('kind=b+c&active=true&n=3');
    expect(api.asked[0]?.headers).toMatchObject({
      'x-api-key': 'secret',
      accept: 'application/vnd.crm+json',
      'user-agent': 'tributary',
    });
  });

  it('sends the credentials of its URL as basic authentication', async () => {
    const api = await startApi((_request, response) => json(response, []));
    const { read } = sourceWith({ url: api.url.replace('//', '//me:p%40ss@') });
    await read();
    expect(api.asked[0]?.headers.authorization).toBe(`Basic ${btoa('me:p@ss')}`);
  });

  it('asks only for what changed since, if it is incremental', async () => {
    const api = await startApi((_request, response) => json(response, []));
    const { read } = sourceWith({ url: `${api.url}/c`, incremental: { parameter: 'updated_since' } });
    await read({ since: '2026-03-01T12:00:00.000Z' });
    await read();
    expect(api.paths).toEqual(['/c?updated_since=2026-03-01T12%3A00%3A00.000Z', '/c']);
  });

  it('reads page after page, each only when it is asked for', async () => {
    const api = await startApi(({ url }, response) => {
      const at = Number(url.searchParams.get('cursor') ?? 0);
      json(response, { data: [at], next: at < 4 ? at + 1 : null });
    });
    const { source, stop } = sourceWith({ url: api.url, items: '$.data', paging: { type: 'cursor', next: '$.next' } });
    const seen: unknown[] = [];
    for await (const page of source.pages({ since: undefined, validators: [], signal: stop.signal })) {
      seen.push(...page.records);
      expect(api.asked).toHaveLength(seen.length);
    }
    expect(seen).toEqual([0, 1, 2, 3, 4]);
  });

  it('says when each response arrived, by our clock and by that of the server', async () => {
    const api = await startApi((_request, response) => {
      response.setHeader('date', 'Sun, 01 Mar 2026 11:59:50 GMT');
      json(response, []);
    });
    const { read, clock } = sourceWith({ url: api.url });
    const [page] = await read();
    expect(page?.fetchedAt).toBe(clock.now());
    expect(page?.serverTime).toBe(Date.parse('2026-03-01T11:59:50Z'));
  });

  it('reads the charset that the API names, and leaves out a byte order mark', async () => {
    const api = await startApi((_request, response, number) => {
      response.setHeader('content-type', number === 0 ? 'application/json; charset=iso-8859-1' : 'application/json');
      response.end(number === 0 ? Buffer.from('["é"]', 'latin1') : '\uFEFF["é"]');
    });
    const { read } = sourceWith({ url: api.url });
    expect(recordsOf(await read())).toEqual(['é']);
    expect(recordsOf(await read())).toEqual(['é']);
  });

  it('takes 204 No Content as an empty page', async () => {
    const api = await startApi((_request, response) => response.writeHead(204).end());
    expect(recordsOf(await sourceWith({ url: api.url, items: '$.data' }).read())).toEqual([]);
  });

  it('reads JSON under any content type', async () => {
    const api = await startApi((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end('[1]');
    });
    expect(recordsOf(await sourceWith({ url: api.url }).read())).toEqual([1]);
  });
});

describe('a REST source, of an API that fails', () => {
  it.each([408, 425, 429, 500, 502, 503, 504, 599])('tries again after %i', async (status) => {
    const api = await startApi((_request, response, number) =>
      number < 2 ? response.writeHead(status).end('no') : json(response, [1]),
    );
    const { read, retries } = sourceWith({ url: api.url });
    expect(recordsOf(await read())).toEqual([1]);
    expect(retries).toEqual([`http_${status}`, `http_${status}`]);
  });

  it.each([400, 401, 403, 404, 410, 422])('does not try again after %i', async (status) => {
    const api = await startApi((_request, response) => response.writeHead(status).end('{"error":"no"}'));
    const { read } = sourceWith({ url: api.url });
    await expect(read()).rejects.toMatchObject({
      code: `http_${status}`,
      message: `crm: page 1, GET ${api.url}/: answered ${status}: "{"error":"no"}"`,
    });
    expect(api.asked).toHaveLength(1);
  });

  it('gives up after the configured retries, saying who, where and what', async () => {
    const api = await startApi((_request, response) => response.writeHead(503).end());
    const { read } = sourceWith({ url: `${api.url}/c?key=k1`, retries: 2 });
    await expect(read()).rejects.toMatchObject({
      name: 'RetryableError',
      code: 'http_503',
      message: `crm: page 1, GET ${api.url}/c?key=...: answered 503; the body is empty`,
    });
    expect(api.asked).toHaveLength(3);
  });

  it('does not try again at all if it is told so', async () => {
    const api = await startApi((_request, response) => response.writeHead(503).end());
    await expect(sourceWith({ url: api.url, retries: 0 }).read()).rejects.toMatchObject({ code: 'http_503' });
    expect(api.asked).toHaveLength(1);
  });

  it('waits before each retry for any time up to twice as much as before the one before it', async () => {
    const api = await startApi((_request, response) => response.writeHead(503).end());
    const drawn = [0.5, 0, 1];
    const { read, clock } = sourceWith(
      { url: api.url, retryDelay: '40s', retries: 3 },
      {
        random: () => drawn.shift() ?? 0,
      },
    );
    const reading = read().catch(String);
    await vi.waitFor(() => expect(clock.slept).toEqual([20_000]));
    await clock.advance(20_000);
    await vi.waitFor(() => expect(clock.slept).toEqual([20_000, 160_000]));
    await clock.advance(160_000);
    expect(await reading).toContain('503');
    expect(api.asked).toHaveLength(4);
  });

  it.each([
    ['seconds', () => '7', 7_000],
    ['a date', (now: number) => new Date(now + 30_000).toUTCString(), 30_000],
  ])('waits as long as Retry-After asks, in %s', async (_form, header, wait) => {
    const clock = new ManualClock();
    const api = await startApi((_request, response, number) =>
      number === 0 ? response.writeHead(429, { 'retry-after': header(clock.now()) }).end() : json(response, [1]),
    );
    const one = sourceWith({ url: api.url });
    const reading = one.read();
    await vi.waitFor(() => expect(one.clock.slept).toEqual([wait + 1]));
    expect(api.asked).toHaveLength(1);
    await one.clock.advance(wait + 1);
    expect(recordsOf(await reading)).toEqual([1]);
  });

  it('tries again when no server listens', async () => {
    const gone = await startApi(() => {});
    await gone.close();
    const { read, retries } = sourceWith({ url: gone.url, retries: 1 });
    await expect(read()).rejects.toMatchObject({ code: 'network', message: expect.stringContaining('ECONNREFUSED') });
    expect(retries).toEqual(['network']);
  });

  it('tries again when the connection drops in the middle of a body', async () => {
    const api = await startApi((_request, response, number) => {
      if (number > 0) return json(response, [1]);
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('[{"id":"a"},');
      setTimeout(() => response.destroy(), 20);
    });
    const { read, retries } = sourceWith({ url: api.url });
    expect(recordsOf(await read())).toEqual([1]);
    expect(retries).toEqual(['network']);
  });

  it('tries again when what answers does not speak HTTP', async () => {
    const server = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(sourceWith({ url, retries: 1 }).read()).rejects.toMatchObject({ code: 'network' });
  });

  it.each([
    ['the headers', () => {}],
    ['the body', (response: import('node:http').ServerResponse) => void response.writeHead(200).write('[')],
  ])('gives up on an answer of which %s take too long', async (_what, begin) => {
    const api = await startApi((_request, response) => begin(response));
    await expect(sourceWith({ url: api.url, retries: 1, timeout: '500ms' }).read()).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('no complete answer within 500 ms'),
    });
    expect(api.asked).toHaveLength(2);
  });

  it.each([
    ['headers', 'timeout_headers', 'no headers within timeouts.headers', () => {}],
    [
      'body',
      'timeout_body',
      'the body stood still within timeouts.body',
      (response: import('node:http').ServerResponse) => void response.writeHead(200).write('['),
    ],
  ])('has a time limit for the %s alone', async (part, code, message, begin) => {
    const api = await startApi((_request, response) => begin(response));
    const { read } = sourceWith({ url: api.url, retries: 0, timeouts: { [part]: '100ms' } });
    await expect(read()).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it('has a time limit of its own for connecting', async () => {
    // TEST-NET-1 (RFC 5737) has no hosts. Some networks say so at once, which is a network error.
    const { read } = sourceWith({ url: 'http://192.0.2.1/', retries: 0, timeouts: { connect: '100ms' } });
    const error = (await read().catch((caught: unknown) => caught)) as { code: string };
    expect(['timeout_connect', 'network']).toContain(error.code);
  });

  it('asks once and not again in a trial', async () => {
    const api = await startApi((_request, response) => response.writeHead(503).end());
    await expect(sourceWith({ url: api.url }).read({ trial: true })).rejects.toMatchObject({ code: 'http_503' });
    expect(api.asked).toHaveLength(1);
  });

  it('reads records in lines, and asks for them by that name', async () => {
    const api = await startApi((_request, response) => response.end('{"id":1}\n{"id":2}\n'));
    const { read } = sourceWith({ url: api.url, format: 'ndjson' });
    expect(recordsOf(await read())).toEqual([{ id: 1 }, { id: 2 }]);
    expect(api.asked[0]?.headers.accept).toContain('application/x-ndjson');
  });

  it('gives up on a body that comes one byte at a time', async () => {
    const api = await startApi((_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(drip));
    });
    await expect(sourceWith({ url: api.url, retries: 0, timeout: '100ms' }).read()).rejects.toMatchObject({
      code: 'timeout',
    });
  });

  it('stops reading a body that is too large, and does not ask for it again', async () => {
    let written = 0;
    const api = await startApi((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20))) written += 65_536;
      };
      response.on('drain', more);
      more();
    });
    await expect(sourceWith({ url: api.url, maxBodySize: '256KB' }).read()).rejects.toMatchObject({
      code: 'body_too_large',
      message: expect.stringContaining('larger than 262144 bytes'),
    });
    expect(api.asked).toHaveLength(1);
    expect(written).toBeLessThan(64 * 1024 * 1024);
  });

  it('stops at once, in a request or in a wait', async () => {
    const silent = await startApi(() => {});
    const one = sourceWith({ url: silent.url });
    const reading = one.read();
    await vi.waitFor(() => expect(silent.asked).toHaveLength(1));
    one.stop.abort(new Error('stopping'));
    await expect(reading).rejects.toThrow('stopping');

    const failing = await startApi((_request, response) => response.writeHead(503).end());
    const two = sourceWith({ url: failing.url, retryDelay: '1h' });
    const waiting = two.read();
    await vi.waitFor(() => expect(failing.asked).toHaveLength(1));
    two.stop.abort(new Error('stopping'));
    await expect(waiting).rejects.toThrow('stopping');

    const busy = await startApi((_request, response) => response.writeHead(429, { 'retry-after': '100' }).end());
    const three = sourceWith({ url: busy.url });
    const patient = three.read();
    await vi.waitFor(() => expect(three.clock.slept).toEqual([100_001]));
    three.stop.abort(new Error('stopping'));
    await expect(patient).rejects.toThrow('stopping');
    await expect(three.read()).rejects.toThrow('stopping');
    expect(busy.asked).toHaveLength(1);
  });
});

describe('a REST source, of an API that does not answer as it should', () => {
  it.each([
    ['HTML with status 200', 'body_html', 'text/html', '<!doctype html><title>Log in</title>', 'HTML or XML'],
    ['HTML that is called JSON', 'body_html', 'application/json', '\n <html>', 'HTML or XML'],
    ['text', 'body_not_json', 'text/plain', 'Service temporarily well', 'not JSON (content type text/plain)'],
    ['truncated JSON', 'body_not_json', 'application/json', '[{"id":"a"', 'a body that is not JSON'],
    ['an empty body', 'body_not_json', 'application/json', '', 'the body is empty'],
    ['an object instead of a list', 'items_not_a_list', 'application/json', '{"error":"x"}', 'a value of type object'],
    ['null', 'items_not_a_list', 'application/json', 'null', '$ should be a list of records and is null'],
  ])('tries again, then fails, after %s', async (_what, code, contentType, body, says) => {
    const api = await startApi((_request, response) => {
      response.writeHead(200, { 'content-type': contentType });
      response.end(body);
    });
    await expect(sourceWith({ url: api.url, retries: 1 }).read()).rejects.toMatchObject({
      name: 'RetryableError',
      code,
      message: expect.stringContaining(says),
    });
    expect(api.asked).toHaveLength(2);
  });

  it('goes on when the next try makes sense', async () => {
    const api = await startApi((_request, response, number) => {
      if (number === 0) response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
      else json(response, [1]);
    });
    expect(recordsOf(await sourceWith({ url: api.url }).read())).toEqual([1]);
  });

  it('shows the first 80 characters of what it found, on one line', async () => {
    const api = await startApi((_request, response) => void response.end(`<p>\n\t\u0000${'x'.repeat(200)}`));
    const error = await sourceWith({ url: api.url, retries: 0 }).read().catch(String);
    expect(error).toContain(`: "<p> ${'x'.repeat(76)}..."`);
  });

  it('shows no secret that the API sends back', async () => {
    const api = await startApi(({ url, headers }, response) => {
      response.writeHead(400);
      response.end(`bad ${headers['x-key']} ${headers.authorization} ${url.search} ${atob('cDRzc3cwcmQ=')}`);
    });
    const { read } = sourceWith({
      url: `${api.url.replace('//', '//someuser:p4ssw0rd@')}/x?sig=in-the-url`,
      headers: { 'x-key': 'k-12345', authorization: 'Bearer t-67890' },
      query: { api_key: 'q-abcde' },
    });
    const error = String(await read().catch(String));
    expect(error).toContain('answered 400: "bad [secret] [secret]');
    const basic = String(
      await sourceWith({ url: api.url.replace('//', '//someuser:p4ssw0rd@') })
        .read()
        .catch(String),
    );
    expect(basic).toContain('answered 400: "bad undefined [secret] ');
    for (const secret of ['k-12345', 't-67890', 'q-abcde', 'p4ssw0rd', 'someuser', 'in-the-url']) {
      expect(error).not.toContain(secret);
    }
  });

  it('says where a redirect to another server leads instead of following it', async () => {
    const api = await startApi((_request, response) => {
      response.writeHead(302, { location: 'http://elsewhere.example/login?t=abc' }).end();
    });
    await expect(sourceWith({ url: api.url }).read()).rejects.toThrow(
      'answered 302, a redirect to http://elsewhere.example/login?...: only redirects on the same server are followed',
    );
    expect(api.asked).toHaveLength(1);
  });

  it('follows a redirect on the same server, but not in circles', async () => {
    const api = await startApi(({ url }, response) => {
      if (url.pathname === '/new') json(response, [{ id: 'a' }]);
      else response.writeHead(308, { location: url.pathname === '/old' ? '/new?a=b' : '/circle' }).end();
    });
    expect(recordsOf(await sourceWith({ url: `${api.url}/old` }).read())).toEqual([{ id: 'a' }]);
    await expect(sourceWith({ url: `${api.url}/circle` }).read()).rejects.toThrow('a redirect to /circle');
  });

  it('refuses headers that cannot be sent without showing them', async () => {
    const { read } = sourceWith({ url: 'http://127.0.0.1:1/', headers: { 'x-key': 'secret\nvalue' } });
    const error = await read().catch((caught: Error) => caught);
    expect(error).toMatchObject({ code: 'request_invalid' });
    expect(String(error)).not.toContain('secret');
  });

  it('takes a 304 that it did not ask for as a fault', async () => {
    const api = await startApi((_request, response) => response.writeHead(304).end());
    await expect(sourceWith({ url: api.url }).read()).rejects.toMatchObject({ code: 'http_304' });
  });
});

describe('a REST source, of pages that do not end', () => {
  it('notices a cursor that does not move', async () => {
    const api = await startApi((_request, response) => json(response, { data: [1], next: 'same' }));
    const { read } = sourceWith({ url: api.url, items: '$.data', paging: { type: 'cursor', next: '$.next' } });
    await expect(read()).rejects.toMatchObject({
      code: 'paging_loops',
      message: expect.stringContaining(`crm: page 2, GET ${api.url}/?cursor=...: `),
    });
    expect(api.asked).toHaveLength(2);
  });

  it('stops at maxPages', async () => {
    const api = await startApi((_request, response, number) => json(response, { data: [1], next: `c${number}` }));
    const paging = { type: 'cursor', next: '$.next' };
    const { read } = sourceWith({ url: api.url, items: '$.data', paging, maxPages: 5 });
    await expect(read()).rejects.toMatchObject({ code: 'too_many_pages' });
    expect(api.asked).toHaveLength(5);
  });

  it('takes a repeated last page for the end, once it has seen that pages differ', async () => {
    const api = await startApi(({ url }, response) => {
      const page = Math.min(Number(url.searchParams.get('page')), 3);
      json(response, [{ id: page * 2 }, { id: page * 2 + 1 }]);
    });
    const { read, doubts } = sourceWith({ url: api.url, paging: { type: 'page', size: 2 } });
    expect(recordsOf(await read()).map((record) => (record as { id: number }).id)).toEqual([2, 3, 4, 5, 6, 7]);
    expect(doubts).toEqual([]);
  });

  it('goes on after a page that is repeated because a page of records was inserted before it', async () => {
    const rows = [1, 2, 3, 4, 5, 6];
    const api = await startApi(({ url }, response, number) => {
      const from = (Number(url.searchParams.get('page')) - 1) * 2;
      json(response, rows.slice(from, from + 2));
      if (number === 1) rows.unshift(-1, 0);
    });
    const { read, doubts } = sourceWith({ url: api.url, paging: { type: 'page', size: 2 } });
    expect(new Set(recordsOf(await read()))).toEqual(new Set([1, 2, 3, 4, 5, 6]));
    expect(doubts).toEqual([]);
  });

  it('says so when the second page is the first again: the parameter may be unknown to the API', async () => {
    const api = await startApi((_request, response) => json(response, [{ id: 1 }, { id: 2 }]));
    const { read, doubts } = sourceWith({ url: api.url, paging: { type: 'page', parameter: 'pgae', size: 2 } });
    expect(recordsOf(await read())).toHaveLength(2);
    expect(doubts).toEqual([expect.stringContaining('is the same as page 1')]);
  });

  it('advises another paging when the page after the last is an error', async () => {
    const api = await startApi((_request, response, number) =>
      number < 2 ? json(response, [number]) : response.writeHead(404).end('{"detail":"Invalid page."}'),
    );
    await expect(sourceWith({ url: api.url, paging: { type: 'page', size: 1 } }).read()).rejects.toThrow(
      /page 3, GET .* answered 404: .*poll it with paging of type link, next-url or cursor/,
    );
  });
});

describe('a REST source, of an API that knows what has changed', () => {
  const paging = { type: 'cursor', next: '$.next' };

  /** Two pages; each has an ETag of its content, and answers 304 to it. */
  async function pagedApi(content: { first: number[]; second: number[]; gone?: boolean }) {
    return await startApi(({ url, headers }, response) => {
      const second = url.searchParams.get('cursor') === 'two';
      if (second && content.gone) return response.writeHead(410).end('gone');
      const etag = `"${(second ? content.second : content.first).join()}"`;
      if (headers['if-none-match'] === etag) return response.writeHead(304, { etag }).end();
      json(response, second ? { data: content.second } : { data: content.first, next: 'two' }, { etag });
    });
  }

  it('asks with the ETag of each page, and pays one request for each that did not change', async () => {
    const content = { first: [1, 2], second: [3] };
    const api = await pagedApi(content);
    const { read } = sourceWith({ url: api.url, items: '$.data', paging });
    const before = await read();
    expect(recordsOf(before)).toEqual([1, 2, 3]);

    const unchanged = await read({ validators: validatorsOf(before) });
    expect(unchanged.map(({ notModified }) => notModified)).toEqual([true, true]);
    expect(recordsOf(unchanged)).toEqual([]);
    expect(api.asked).toHaveLength(4);

    content.second = [4];
    const changed = await read({ validators: validatorsOf(unchanged) });
    expect(changed.map(({ notModified }) => notModified)).toEqual([true, false]);
    expect(recordsOf(changed)).toEqual([4]);
  });

  it('relies on nothing it remembers after a failed run: a page that followed may be gone', async () => {
    const content: Parameters<typeof pagedApi>[0] = { first: [1], second: [2] };
    const api = await pagedApi(content);
    const { read } = sourceWith({ url: api.url, items: '$.data', paging });
    const validators = validatorsOf(await read());
    content.gone = true;
    await expect(read({ validators })).rejects.toMatchObject({ code: 'http_410' });
    content.gone = false;
    const again = await read({ validators });
    expect(again.map(({ notModified }) => notModified)).toEqual([false, false]);
    expect(recordsOf(await read({ validators }))).toEqual([]);
  });

  it('keeps validators by exact URL: another query is another page', async () => {
    const api = await pagedApi({ first: [1], second: [2] });
    const { read } = sourceWith({ url: api.url, items: '$.data', paging, incremental: { parameter: 'since' } });
    const validators = validatorsOf(await read({ since: '1' }));
    await read({ since: '2', validators });
    expect(api.asked.map(({ headers }) => headers['if-none-match'])).toEqual(Array(4).fill(undefined));
  });

  it('uses Last-Modified where there is no ETag, unless it is too recent to prove anything', async () => {
    const date = 'Sun, 01 Mar 2026 12:00:00 GMT';
    let lastModified = 'Sun, 01 Mar 2026 11:00:00 GMT';
    const api = await startApi(({ headers }, response) => {
      if (headers['if-modified-since'] === lastModified) return response.writeHead(304).end();
      json(response, [1], { date, 'last-modified': lastModified });
    });
    const { read } = sourceWith({ url: api.url });
    const before = await read();
    expect(recordsOf(await read({ validators: validatorsOf(before) }))).toEqual([]);
    lastModified = date;
    expect(validatorsOf(await read())).toEqual([]);
  });

  it('remembers the end of pages that repeat the last one', async () => {
    const api = await startApi(({ url, headers }, response) => {
      const page = Math.min(Number(url.searchParams.get('page')), 2);
      const etag = `"${page}"`;
      if (headers['if-none-match'] === etag) return response.writeHead(304).end();
      json(response, [page], { etag });
    });
    const { read } = sourceWith({ url: api.url, paging: { type: 'page', size: 1 } });
    const before = await read();
    expect(recordsOf(before)).toEqual([1, 2]);
    const after = await read({ validators: validatorsOf(before) });
    expect(after.map(({ notModified }) => notModified)).toEqual([true, true, true]);
  });

  it('keeps no configured query value with a URL, and still asks with it', async () => {
    const api = await startApi(({ url, headers }, response) => {
      if (url.searchParams.get('key') !== 'k-12345' || url.searchParams.get('sig') !== 's-67890') {
        return response.writeHead(401).end();
      }
      const page = url.searchParams.get('page') ?? '1';
      if (headers['if-none-match'] === '"e"') return response.writeHead(304).end();
      const next = `/?sig=s-67890&page=2&key=k-12345`;
      json(response, { data: [page], next: page === '1' ? next : null }, { etag: '"e"' });
    });
    const settings = { url: `${api.url}/?sig=s-67890`, query: { key: 'k-12345' }, items: '$.data' };
    const { read } = sourceWith({ ...settings, paging: { type: 'next-url', next: '$.next' } });
    const before = await read();
    expect(JSON.stringify(validatorsOf(before))).not.toMatch(/k-12345|s-67890/);
    const after = await read({ validators: validatorsOf(before) });
    expect(after.map(({ notModified }) => notModified)).toEqual([true, true]);
    expect(api.paths[3]).toBe(api.paths[1]);
  });
});
