import { parsePipeline } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { memoryCursorStore } from '../../../src/cursor/cursor.js';
import { tryEndpoint } from '../../../src/operate/try.js';
import type { Page } from '../../../src/sources/port.js';
import { json, startApi } from '../../support/api.js';
import { ManualClock } from '../../support/manual-clock.js';
import { setUpProducer } from '../../support/producer.js';
import { recordsOf, sourceWith } from '../../support/source.js';

const TOKEN = '123456:ABC-def/1234';
/** As a person writes it; the value stands for what the environment holds. */
const BOT = `bot\${BOT_TOKEN:-${TOKEN}}`;
const FORMS = ['ABC-def', '123456:ABC', encodeURIComponent(TOKEN)];
const expectNone = (text: string) => {
  for (const form of FORMS) expect(text).not.toContain(form);
};
const validatorsOf = (pages: readonly Page[]) => pages.flatMap(({ validator }) => validator ?? []);

describe('a secret in the path of a URL', () => {
  it('is sent, and shown in no error, whatever the API answers', async () => {
    const api = await startApi(({ path }, response, number) => {
      if (number === 0) return response.writeHead(404).end(`no ${path} here`);
      if (number === 1) return response.writeHead(302, { location: `http://elsewhere.invalid${path}` }).end();
      if (number === 2) return response.end(`<html>${encodeURIComponent(TOKEN)}`);
      json(response, { next: `http://elsewhere.invalid${path}` });
    });
    const settings = { url: `${api.url}/${BOT}/updates`, items: '$.d?', retries: 0 };
    for (const more of [{}, {}, {}, { paging: { type: 'next-url', next: '$.next' } }]) {
      const error = await sourceWith({ ...settings, ...more })
        .read()
        .catch((caught: Error) => caught);
      expect(error).toBeInstanceOf(Error);
      expect(String(error)).toContain(`${api.url}/bot[secret]/updates`);
      expectNone(`${error} ${(error as Error).cause}`);
    }
    expect(api.paths[0]).toBe(`/bot${TOKEN}/updates`);
  });

  it('is not kept with the cursor, which leads to the next page all the same', async () => {
    const api = await startApi(({ url, headers }, response) => {
      if (url.pathname.endsWith('/2')) return json(response, { d: [{ id: 'b' }] }, { etag: '"2"' });
      if (headers['if-none-match'] === '"1"') return response.writeHead(304).end();
      json(response, { d: [{ id: 'a' }], next: `${url.pathname}/2?token=${TOKEN}` }, { etag: '"1"' });
    });
    const paging = { type: 'next-url', next: '$.next' };
    const { read } = sourceWith({ url: `${api.url}/${BOT}/list`, items: '$.d', paging });
    const validators = validatorsOf(await read());
    expect(validators).toHaveLength(2);
    expectNone(JSON.stringify(validators));
    expect(recordsOf(await read({ validators }))).toEqual([{ id: 'b' }]);
    expect(api.paths.slice(2)).toEqual([`/bot${TOKEN}/list`, `/bot${TOKEN}/list/2`]);
  });

  it('is in no log line, state or metric of the producer, and in nothing that try shows', async () => {
    const api = await startApi(({ path }, response) => {
      if (path.endsWith('/list')) json(response, [{ id: 'a', address: path.replace('/list', '/a') }]);
      else response.writeHead(400).end(path);
    });
    const endpoints = {
      crm: { url: `${api.url}/${BOT}/a`, retries: 1, retryDelay: '1ms' },
      parent: { url: `${api.url}/${BOT}/list` },
      other: { url: '{{parent.address}}', parent: { endpoint: 'parent' }, retries: 0 },
      login: { url: api.url, auth: { type: 'login', url: `${api.url}/${BOT}`, token: '$.t' } },
    };
    const { producer, text, get } = await setUpProducer(endpoints, { cursors: memoryCursorStore() });
    await producer.start();
    const summaries = JSON.stringify(await producer.pollOnce());
    expect(summaries).toContain('bot[secret]');
    expectNone(summaries + text() + (await get('/endpoints')).text + (await get('/metrics')).text);
    let shown = '';
    const file = { entities: { e: { dataset: 'd', queue: 'q', key: 'id', fields: { id: 'string' } } } };
    const withEntity = { ...file, endpoints: { e: { url: `${api.url}/${BOT}/a`, entity: 'e' } } };
    const config = parsePipeline(JSON.stringify(withEntity), {}, 'test');
    const write = (piece: string) => {
      shown += piece;
    };
    const clock = new ManualClock();
    const failure = await tryEndpoint({ config, id: 'e', limit: 1, clock, proxies: {}, write }).catch(String);
    expect(shown).toContain('/bot[secret]/a -> 400');
    expectNone(`${shown} ${failure}`);
  });

  it('is not shown where a placeholder leaves no address', async () => {
    const { read } = sourceWith({
      url: `http://127.0.0.1:1/${BOT}/{{cursor}}`,
      paging: { type: 'cursor', next: '$.n' },
    });
    const error = String(await read().catch(String));
    expect(error).toContain('a placeholder in the path of http://127.0.0.1:1/bot[secret]/{{cursor}} is empty');
    expectNone(error);
  });
});
