import { parseJson } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { createPager } from '../../../../src/sources/rest/paging/kinds.js';
import type { PageAddress } from '../../../../src/sources/rest/paging/pager.js';
import { addressOf } from '../../../../src/sources/rest/request/address.js';
import { Requests } from '../../../../src/sources/rest/request/requests.js';
import { endpointWith } from '../../../support/pipeline.js';

const base = 'http://api/customers?active=yes';

/** Shows each page as the URL that it is asked for at. */
function pagerOf(paging: object) {
  const config = endpointWith({ url: base, paging }).config;
  const pager = createPager(config.paging);
  const requests = new Requests(config, '*/*');
  const pages = new Map<string, PageAddress>();
  const show = (page: PageAddress): string => {
    const { href } = requests.build({ page }).address;
    pages.set(href, page);
    return href;
  };
  const next = (current: string, answer: { body?: unknown; records?: unknown[]; link?: string; more?: boolean }) => {
    const asked = addressOf(current);
    const page = pages.get(current) ?? { address: asked };
    const found = pager.next(page, {
      body: undefined,
      records: [],
      link: undefined,
      more: undefined,
      asked,
      ...answer,
    });
    return found && show(found);
  };
  return { first: show(pager.first), next };
}

describe('paging', () => {
  it('none: one page', () => {
    const { first, next } = pagerOf({ type: 'none' });
    expect(first).toBe('http://api/customers?active=yes');
    expect(next(first, { body: { next: 'x' }, records: [1], link: '</2>; rel=next' })).toBeUndefined();
  });

  it('cursor: the cursor of a page asks for the next, and the size is kept', () => {
    const { first, next } = pagerOf({ type: 'cursor', next: '$.meta.next', sizeParameter: 'limit', size: 50 });
    expect(first).toBe('http://api/customers?active=yes&limit=50');
    const second = next(first, { body: { meta: { next: 'a+b/=' } } });
    expect(second).toBe('http://api/customers?active=yes&limit=50&cursor=a%2Bb%2F%3D');
    expect(next(second ?? '', { body: { meta: { next: 17 } } })).toBe(
      'http://api/customers?active=yes&limit=50&cursor=17',
    );
  });

  it.each(['1374004777531007833', '-9007199254740993', '12345678901234567890123'])(
    'cursor: the number %s asks for the next page with all its digits',
    (number) => {
      const { first, next } = pagerOf({ type: 'cursor', next: '$.nextCursor' });
      const body = parseJson(`{"nextCursor":${number}}`);
      expect(next(first, { body })).toBe(`http://api/customers?active=yes&cursor=${number}`);
    },
  );

  it.each([
    ['$.data[-1].id', 'b'],
    ["$['next page']", 'c'],
    ['$.links[0].cursor', 'd'],
  ])('cursor: it is found at %s', (path, found) => {
    const { first, next } = pagerOf({ type: 'cursor', next: path });
    const body = { data: [{ id: 'a' }, { id: 'b' }], 'next page': 'c', links: [{ cursor: 'd' }] };
    expect(next(first, { body })).toBe(`http://api/customers?active=yes&cursor=${found}`);
    expect(next(first, { body: { data: [], links: [] } })).toBeUndefined();
  });

  it.each([null, undefined, '', false, 0, '0'])('cursor: %j is the end', (end) => {
    const { first, next } = pagerOf({ type: 'cursor', next: '$.next' });
    expect(next(first, { body: { next: end }, records: [1] })).toBeUndefined();
  });

  it.each([[{ a: 1 }], [['a']], [true]])('cursor: %j is no cursor', (cursor) => {
    const { first, next } = pagerOf({ type: 'cursor', next: '$.next' });
    expect(() => next(first, { body: { next: cursor } })).toThrow(/\$\.next should hold .* but holds/);
  });

  it('cursor: an inherited property is no cursor', () => {
    const { first, next } = pagerOf({ type: 'cursor', next: '$.constructor.name' });
    expect(next(first, { body: {} })).toBeUndefined();
  });

  it('page: counts pages until one is empty, not until one is short', () => {
    const { first, next } = pagerOf({ type: 'page', sizeParameter: 'per', size: 10 });
    expect(first).toBe('http://api/customers?active=yes&per=10&page=1');
    const second = next(first, { records: [1, 2, 3] }) ?? '';
    expect(second).toBe('http://api/customers?active=yes&per=10&page=2');
    expect(next(second, { records: [] })).toBeUndefined();
  });

  it('page: begins where it is told, and asks for no size without a parameter for it', () => {
    const { first, next } = pagerOf({ type: 'page', parameter: 'p', first: 0, size: 10 });
    expect(first).toBe('http://api/customers?active=yes&p=0');
    expect(next(first, { records: [1] })).toBe('http://api/customers?active=yes&p=1');
  });

  it('offset: moves on by what came, so that a server that caps the size loses nothing', () => {
    const { first, next } = pagerOf({ type: 'offset', size: 100 });
    expect(first).toBe('http://api/customers?active=yes&limit=100&offset=0');
    const second = next(first, { records: Array(25).fill(1) }) ?? '';
    expect(second).toBe('http://api/customers?active=yes&limit=100&offset=25');
    expect(next(second, { records: [] })).toBeUndefined();
  });

  it('link: follows rel="next", relative or not, exactly as it is given', () => {
    const { first, next } = pagerOf({ type: 'link', sizeParameter: 'limit', size: 5 });
    expect(first).toBe('http://api/customers?active=yes&limit=5');
    expect(next(first, { link: '</customers?page_info=abc>; rel="next"' })).toBe('http://api/customers?page_info=abc');
    expect(next(first, { link: '<http://api/c?p=2>; rel="next", <http://api/c?p=9>; rel="last"' })).toBe(
      'http://api/c?p=2',
    );
    expect(next(first, { link: '<http://api/c?p=1>; rel="prev"' })).toBeUndefined();
    expect(next(first, {})).toBeUndefined();
  });

  it('next-url: follows the URL in the body', () => {
    const { first, next } = pagerOf({ type: 'next-url', next: '$.next' });
    expect(next(first, { body: { next: 'http://api/customers?page=2#x' } })).toBe('http://api/customers?page=2');
    expect(next(first, { body: { next: '?page=3' } })).toBe('http://api/customers?page=3');
    expect(next(first, { body: { next: null } })).toBeUndefined();
    expect(() => next(first, { body: { next: 7 } })).toThrow('$.next should hold');
    expect(() => next(first, { body: { next: 'http://[' } })).toThrow('holds no URL');
  });

  it.each(['http://evil/customers?page=2', 'https://api/customers', 'http://api:81/', '//evil/', 'ftp://api/'])(
    'does not follow %s to another server',
    (target) => {
      const { first, next } = pagerOf({ type: 'next-url', next: '$.next' });
      expect(() => next(first, { body: { next: target } })).toThrow('leads to another server');
    },
  );

  it('drops credentials that a next URL carries', () => {
    const { first, next } = pagerOf({ type: 'next-url', next: '$.next' });
    expect(next(first, { body: { next: 'http://u:p@api/x' } })).toBe('http://api/x');
  });
});
