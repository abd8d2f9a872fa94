import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parsePipeline, systemClock } from '@tributary/shared';
import { afterEach, describe, expect, it } from 'vitest';
import { targetOf } from '../../src/discover/ask/input.js';
import { indexOf } from '../../src/discover/collections/index-of.js';
import { discover } from '../../src/discover/discover.js';
import { pipelineText } from '../../src/discover/write/document.js';

const many = <T>(count: number, make: (number: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index + 1));

let server: Server | undefined;
let asked: string[] = [];
afterEach(() => {
  server?.close();
  server?.closeAllConnections();
  asked = [];
});

async function start(answer: (url: URL) => unknown): Promise<string> {
  const started = createServer((request, response) => {
    const url = new URL(request.url ?? '', `http://${request.headers.host}`);
    asked.push(`${request.headers.authorization ?? ''} ${url.pathname}${url.search}`.trim());
    const body = answer(url);
    response.writeHead(body === undefined ? 404 : 200);
    response.end(typeof body === 'string' ? body : JSON.stringify(body ?? {}));
  }).listen(0, '127.0.0.1');
  server = started;
  await new Promise((resolve) => started.once('listening', resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
}

async function found(url: string, requests = 12) {
  const draft = await discover({
    target: targetOf(url, { header: ['Authorization: Bearer t0ken'] }),
    env: {},
    requests,
    clock: systemClock,
    signal: new AbortController().signal,
  });
  const { text } = pipelineText(draft, undefined, 'schema.json');
  return { draft, text, config: parsePipeline(text, draft.secrets, 'found.yaml') };
}

/** An API whose root names its collections, and whose lists have pages of four. */
function starWars({ origin, pathname, searchParams }: URL): unknown {
  const lists: Record<string, readonly object[]> = {
    people: many(9, (id) => ({ name: `p${id}`, homeworld: `${origin}/api/planets/${id % 3}/` })),
    planets: many(3, (id) => ({ name: `w${id}`, climate: 'arid' })),
    films: many(5, (id) => ({ title: `f${id}` })),
  };
  const [, , name = '', id = ''] = pathname.split('/');
  if (id !== '') return undefined;
  if (name === '') return Object.fromEntries(Object.keys(lists).map((one) => [one, `${origin}/api/${one}/`]));
  const list = lists[name]?.map((one, index) => ({ ...one, url: `${origin}/api/${name}/${index}/` }));
  const page = Number(searchParams.get('page') ?? 1);
  const next = list !== undefined && page * 4 < list.length ? `${origin}/api/${name}/?page=${page + 1}` : null;
  return list === undefined ? undefined : { count: list.length, next, results: list.slice((page - 1) * 4, page * 4) };
}

describe('discover, at an address that names several collections', () => {
  it('gives all of them, with the credentials, and tells which could be merged', async () => {
    const { config, text } = await found(`${await start(starWars)}/api/`);
    expect(Object.keys(config.entities)).toEqual(['person', 'planet', 'film']);
    const paging = { type: 'next-url', next: '$.next' };
    expect(config.endpoints).toMatchObject({
      people: { entity: 'person', items: '$.results', paging, auth: { type: 'bearer' } },
      planets: { entity: 'planet', items: '$.results', paging },
      films: { entity: 'film', items: '$.results', paging },
    });
    expect(text).toContain('# person.homeworld seems to hold keys of planet: a merge could join them');
    expect(asked.length).toBeLessThanOrEqual(12);
    expect(asked.every((one) => one.startsWith('Bearer t0ken '))).toBe(true);
  });

  it('takes over what was tried for another of them where requests run out, and names those that it did not look at', async () => {
    const url = `${await start(starWars)}/api/`;
    const { draft, text } = await found(url, 5);
    expect(text).toContain('# as for people, where it was tried');
    expect(asked).toHaveLength(5);
    const few = await found(url, 2);
    expect(few.draft.notes.join()).toContain('not looked at after 2 requests: planets, films');
    expect(draft.endpoints).toHaveLength(3);
  });

  it('gives all lists of json-server, whose root is a page for people', async () => {
    const db = { posts: many(3, (id) => ({ id, authorId: id })), authors: many(3, (id) => ({ id, name: `n${id}` })) };
    const url = await start(({ pathname }) =>
      pathname === '/'
        ? '<!doctype html><html><head><title>JSON Server</title></head></html>'
        : pathname === '/db'
          ? db
          : { '/posts': db.posts, '/authors': db.authors }[pathname],
    );
    const { config, draft } = await found(url);
    expect(config.endpoints).toMatchObject({ posts: { url: `${url}/posts` }, authors: { url: `${url}/authors` } });
    expect(draft.notes.join()).toContain('post.authorId seems to hold keys of author');
  });

  it('takes lists that have no addresses of their own out of the answer that holds all', async () => {
    const lists = { orders: many(3, (id) => ({ id, total: 1 })), refunds: many(3, (id) => ({ id, reason: 'x' })) };
    const url = await start(({ pathname }) => (pathname === '/' ? lists : undefined));
    const { config } = await found(url);
    expect(config.endpoints).toMatchObject({ orders: { items: '$.orders' }, refunds: { items: '$.refunds' } });
  });

  it('says why there are records in none of them', async () => {
    const url = await start(({ pathname }) => (pathname === '/' ? { a: '/a', b: '/b' } : undefined));
    await expect(found(url)).rejects.toThrow(/names 2 collections.*none of them.*answered 404/s);
  });
});

describe('an index of collections', () => {
  const BASE = 'https://api.example.org/v1/';
  const namesIn = (body: unknown, base = BASE) => indexOf(body, base).map(({ name, url }) => `${name} ${url}`);

  it.each([
    [
      'HAL',
      {
        _links: {
          self: { href: '/' },
          orders: { href: '/orders{?page}' },
          carts: { href: 'https://api.example.org/carts' },
        },
      },
      ['orders https://api.example.org/orders', 'carts https://api.example.org/carts'],
    ],
    [
      'OData',
      {
        '@odata.context': 'x',
        value: [
          { name: 'People', kind: 'EntitySet', url: 'People' },
          { name: 'Trips', kind: 'EntitySet', url: 'Trips' },
          { name: 'Me', kind: 'Singleton', url: 'Me' },
        ],
      },
      ['People https://api.example.org/v1/People', 'Trips https://api.example.org/v1/Trips'],
    ],
    [
      'addresses that need values',
      { a_url: '/a', b_url: '/b{/id}', c_url: '/c{?q}' },
      ['a https://api.example.org/a', 'c https://api.example.org/c'],
    ],
    ['other servers', { a: 'https://api.example.org/a', b: 'https://elsewhere.example/b' }, []],
    ['a record with addresses', { id: 1, name: 'x', html_url: '/x', repos_url: '/y', type: 'User', plan: 'z' }, []],
    ['a page of records', { next: '/p2', first: '/p1', results: [{ id: 1 }, { id: 2 }] }, []],
    ['a list of addresses', ['/a', '/b'], []],
  ])('is seen in what there is: %s', (_what, body, names) => {
    const found = namesIn(body);
    expect(found.length < 2 ? [] : found).toEqual(names);
  });
});
