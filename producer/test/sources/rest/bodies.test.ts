import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { json, startApi } from '../../support/api.js';
import { recordsOf, sourceWith } from '../../support/source.js';

/** The text below, and three million zeros, compressed by the zstd program: Node 20 cannot do it. */
const ZSTD = Buffer.from(
  '28b52ffd04680d0100d05b7b226964223a225a6fc3ab222c2274657874223a2278227d5d0100c957a00932b36119',
  'hex',
);
const ZSTD_BOMB = Buffer.from(
  '28b52ffd04684c000008300100fcff39100202001030020010300200103002001030020010300200103002001030020010300200103002001030020010300200103002001030020010300200103002001030020010300200103002001030020010300200103003360e30269149f6',
  'hex',
);

describe('a body', () => {
  const text = JSON.stringify([{ id: 'Zoë', text: 'x'.repeat(1_000) }]);

  it.each([
    ['gzip', gzipSync(text)],
    ['x-gzip', gzipSync(text)],
    ['br', brotliCompressSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['gzip, br', brotliCompressSync(gzipSync(text))],
    ['zstd', ZSTD],
    ['identity', Buffer.from(text)],
  ])('is read in the content encoding %s, asked for or not', async (encoding, body) => {
    const api = await startApi((_request, response) => response.setHeader('content-encoding', encoding).end(body));
    const pages = await sourceWith({ url: api.url, headers: { 'accept-encoding': 'identity' } }).read();
    expect(recordsOf(pages)).toEqual(JSON.parse(text));
    await sourceWith({ url: api.url }).read();
    expect(api.asked.map(({ headers }) => headers['accept-encoding'])).toEqual(['identity', 'gzip, br, zstd, deflate']);
  });

  it('is refused when its encoding is unknown, wrong, or larger than allowed once it is decoded', async () => {
    const send = (encoding: string, body: Buffer) =>
      startApi((_request, response) => response.setHeader('content-encoding', encoding).end(body));
    const compress = await send('compress', Buffer.from(text));
    await expect(sourceWith({ url: compress.url }).read()).rejects.toThrow(
      'the content encoding "compress"; known are gzip',
    );
    expect(compress.asked).toHaveLength(1);
    const plain = await send('gzip', Buffer.from(text));
    await expect(sourceWith({ url: plain.url, retries: 1 }).read()).rejects.toThrow(
      'the body is no gzip, though it says so',
    );
    expect(plain.asked).toHaveLength(2);
    for (const [encoding, bomb] of [
      ['gzip', gzipSync('0'.repeat(3_000_000))],
      ['br', brotliCompressSync('0'.repeat(3_000_000))],
      ['deflate', deflateSync('0'.repeat(3_000_000))],
      ['zstd', ZSTD_BOMB],
    ] as const) {
      const api = await send(encoding, bomb);
      await expect(sourceWith({ url: api.url, maxBodySize: '1MB' }).read()).rejects.toMatchObject({
        code: 'body_too_large',
      });
    }
  });

  it('without a charset that is no UTF-8 lands without a replacement character, and that is told', async () => {
    for (const type of ['application/json', 'application/json; charset=utf-8', 'text/plain']) {
      const api = await startApi((_request, response) => {
        response
          .setHeader('content-type', type)
          .end(Buffer.from([...Buffer.from('[{"id":"Caf'), 0xe9, ...Buffer.from('"}]')]));
      });
      const { read, doubts } = sourceWith({ url: api.url });
      expect(recordsOf(await read())).toEqual([{ id: 'Café' }]);
      expect(doubts).toMatchObject([expect.stringContaining('it is read as windows-1252')]);
    }
  });

  it('may be CSV or XML', async () => {
    const csv = await startApi((_request, response) => response.end('id;name\n1;"a;b"\n2;c'));
    expect(recordsOf(await sourceWith({ url: csv.url, format: 'csv' }).read())).toEqual([
      { id: '1', name: 'a;b' },
      { id: '2', name: 'c' },
    ]);
    const xml = await startApi(({ url }, response) => {
      const items = ['', '<i><id>1</id></i>', '<i><id>1</id></i><i><id>2</id></i>'][Number(url.searchParams.get('n'))];
      response.end(`<r><list>${items}</list></r>`);
    });
    const read = async (n: number) =>
      recordsOf(await sourceWith({ url: `${xml.url}/?n=${n}`, format: 'xml', items: '$.r.list.i?' }).read());
    expect(await read(0)).toEqual([]);
    expect(await read(1)).toEqual([{ id: '1' }]);
    expect(await read(2)).toEqual([{ id: '1' }, { id: '2' }]);
  });

  it('tells of an error in an answer with a good status, and the poll fails', async () => {
    const api = await startApi((_request, response) => json(response, { data: [], error: { code: 'TIMEOUT' } }));
    await expect(sourceWith({ url: api.url, items: '$.data', retries: 1 }).read()).rejects.toMatchObject({
      code: 'error_in_body',
      message: expect.stringContaining('{"code":"TIMEOUT"}'),
    });
    expect(api.asked).toHaveLength(2);
  });

  it('with null for its records is an answer without records', async () => {
    const api = await startApi((_request, response) => json(response, { data: null }));
    expect(recordsOf(await sourceWith({ url: api.url, items: '$.data' }).read())).toEqual([]);
  });

  it('may come with headers as large as the settings allow', async () => {
    const api = await startApi((_request, response) => json(response, [], { 'x-large': 'x'.repeat(60_000) }));
    expect(await sourceWith({ url: api.url }).read()).toHaveLength(1);
    const { read } = sourceWith({ url: api.url, maxHeaderSize: '16KB', retries: 0 });
    await expect(read()).rejects.toThrow(/headers/i);
  });
});
