import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PAGES, pageAt } from '../../public/pages/table.js';
import { ago, bytes, compactJson, localTime, oneLine, plural, utcTime } from '../../public/ui/format.js';
import { addressOf, readPlace } from '../../public/ui/location.js';
import { readFiles } from '../../src/http/page-files.js';

const folder = fileURLToPath(new URL('../../public', import.meta.url));
const files = (await readdir(folder, { recursive: true })).filter((file) => /\.[a-z]+$/.test(file));
const read = (file: string) => readFile(join(folder, file), 'utf8');

describe('the page', () => {
  it.each(PAGES.map(({ view }) => view))('weighs less than 80 kB as it is sent to open %s, charts and all', (view) => {
    const all = readFiles();
    expect(all.size).toBeGreaterThan(files.filter((file) => /\.(js|css)$/.test(file)).length);
    const shared = [...all.keys()].filter((path) => !/^\/pages\/.*\.js$|^\/index\.html#/.test(path));
    const needed = new Set([...shared, '/pages/table.js']);
    const need = (path: string) => {
      needed.add(path);
      for (const [, to = ''] of String(all.get(path)?.plain).matchAll(/^(?:import|\}) .*?from '(\..+?)';$/gm))
        need(new URL(to, `http://page${path}`).pathname);
    };
    need(`/pages/${view}.js`);
    const sizes = [...needed].map((path) => all.get(path)?.gzip.length ?? Number.NaN);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(80_000);
  });

  it('is sent without comments, and each line of it keeps its number', async () => {
    for (const [path, { plain }] of readFiles()) {
      if (!/\.(js|css)$/.test(path) || path.startsWith('/vendor/')) continue;
      const [source, sent] = [await read(path.slice(1)), plain.toString()].map((text) => text.split('\n'));
      expect([path, sent?.length]).toEqual([path, source?.length]);
      expect([path, sent?.filter((line) => /^\s*(\/\/|\/\*|\*\s)/.test(line))]).toEqual([path, []]);
      const lost = source?.filter((line, index) => line !== sent?.[index]) ?? [];
      expect([path, lost.filter((line) => !/^\s*(\/\/|\/\*|\*)/.test(line) && line.trim() !== '')]).toEqual([path, []]);
    }
  });

  it('has no script, style or handler within its HTML', async () => {
    const html = await read('index.html');
    expect([...html.matchAll(/<script(?![^>]*\ssrc=)/g)]).toEqual([]);
    expect([...html.matchAll(/<script[^>]*>[^<]/g)]).toEqual([]);
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|javascript:/i);
  });

  it('asks no other site for anything', async () => {
    for (const file of files) {
      // The name of SVG's namespace is an address that nothing is fetched from.
      const text = (await read(file)).replaceAll('http://www.w3.org/2000/svg', '');
      expect([file, /https?:\/\/|\/\/cdn|@import|url\(/.test(text)]).toEqual([file, false]);
    }
  });

  it('has no way from a record to markup or code', async () => {
    for (const file of files.filter((name) => name.endsWith('.js'))) {
      const forbidden =
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|\.srcdoc/;
      expect([file, forbidden.test(await read(file))]).toEqual([file, false]);
    }
  });
});

describe('JSON without its blanks', () => {
  it('keeps those in its texts', () => {
    const text = ' {"a b" : [ 1, -2.50e3,\n\t"\\" \\\\", "\\\\" ], "": null } ';
    expect(compactJson(text)).toBe('{"a b":[1,-2.50e3,"\\" \\\\","\\\\"],"":null}');
    expect(compactJson(JSON.stringify(JSON.parse(text), null, 2))).toBe(JSON.stringify(JSON.parse(text)));
  });

  it('is made in one pass over a record of megabytes that somebody sent to hold up the browser', () => {
    // With a look ahead from each blank it takes some ten minutes.
    expect(compactJson(`[${' 1,'.repeat(300_000)} 1]`)).toHaveLength(600_003);
    expect(compactJson(`["${' '.repeat(5_000_000)}"]`)).toHaveLength(5_000_004);
  });
});

describe('the table of pages', () => {
  it('names a module for each page, and no module is without a page', () => {
    const modules = files.flatMap((file) => /^pages\/([^/]+)\.js$/.exec(file)?.[1] ?? []);
    expect(PAGES.map(({ view }) => view).sort()).toEqual(modules.filter((name) => name !== 'table').sort());
  });

  it('leads from each path to its page, and from no other path to any', () => {
    for (const page of PAGES) expect(pageAt(page.path.replaceAll(/:\w+/g, 'x%2Fy'))?.page).toBe(page);
    expect(pageAt('/data/x%2Fy')?.values).toEqual([['dataset', 'x%2Fy']]);
    for (const path of ['', '/nope', '/data/', '/data/a/b', '/Data', '/audit/x', '//', '/pages/table.js']) {
      expect([path, pageAt(path)]).toEqual([path, undefined]);
    }
  });

  it('gives each tab another key', () => {
    const keys = PAGES.flatMap(({ tab, key }) => (tab === undefined ? [] : [key]));
    expect(keys).not.toContain(undefined);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('an address of the page', () => {
  it('leaves out what is as usual, and comes back as it was', () => {
    const usual = readPlace('/data/customers');
    expect(usual).toMatchObject({ at: 'data', dataset: 'customers', view: 'latest', page: 1, search: '', all: false });
    expect(addressOf(usual)).toBe('/data/customers');
    expect(addressOf({ ...usual, dataset: undefined })).toBe('/data');
    const places = [
      {
        ...usual,
        view: 'history',
        page: 3,
        search: 'a&b=ü',
        all: true,
        sort: '-price',
        where: ['city:is:Köln', 'a:empty'],
      },
      { ...usual, dataset: 'name with / and ?' },
      readPlace('/'),
      readPlace('/audit'),
      { ...readPlace('/dead-letters'), queue: 'customer_data', code: 'not_json', page: 2 },
      { ...readPlace('/dead-letters'), letter: 'KdBd_-9' },
      { ...readPlace('/trace'), dataset: undefined, key: 'C-000001/SKU 7' },
      { ...readPlace('/trace'), dataset: 'inventory', key: 'SKU-00001' },
      { ...readPlace('/trace'), dataset: 'orders', key: 'a/b 50% x+y&c=d?e#1 ü 🦊 "\'%2F ../.. <b>' },
      { ...readPlace('/trace'), dataset: 'customer_inventory', key: `${'k'.repeat(1_000)}/${'s'.repeat(1_000)}/2` },
      { ...usual, where: [`${'c'.repeat(63)}:contains:${'v'.repeat(200)}`, 'a:is:b:c'] },
    ];
    for (const place of places) {
      const { pathname, search } = new URL(addressOf(place), 'http://page');
      expect(readPlace(pathname, search).at).toBe(place.at);
      expect(readPlace(pathname, search).dataset).toBe(place.dataset);
      expect(place).toMatchObject(readPlace(pathname, search));
      expect(addressOf(readPlace(pathname, search))).toBe(addressOf(place));
    }
  });

  it('survives being tampered with', () => {
    expect(readPlace('/data', '?view=x&page=-4&search=&columns=1')).toEqual(readPlace('/data'));
    expect(readPlace('/data/a', '?view=x&page=-4&search=&columns=1')).toEqual(readPlace('/data/a'));
    expect(readPlace('/nowhere/%E0%A4%A')).toEqual(readPlace('/'));
    const long = readPlace('/data/a', `?page=2.9&search=${'x'.repeat(500)}`);
    expect(long).toMatchObject({ page: 2, search: 'x'.repeat(200) });
  });
});

describe('what the page writes', () => {
  it('gives sizes in the unit that fits', () => {
    expect([0, 1023, 1024, 1_500_000, 200 * 1024 ** 2].map(bytes)).toEqual([
      '0 B',
      '1023 B',
      '1.0 kB',
      '1.4 MB',
      '200 MB',
    ]);
  });

  it('tells how long ago something was in one unit', () => {
    const times = [-5_000, 1_500, 59_000, 60_000, 3_600_000, 47 * 3_600_000, 50 * 3_600_000];
    expect(times.map(ago)).toEqual([
      'just now',
      'just now',
      '59 s ago',
      '1 min ago',
      '1 h ago',
      '47 h ago',
      '2 days ago',
    ]);
  });

  it('shows times in the local zone and in UTC', () => {
    const moment = new Date(2026, 0, 5, 14, 3, 9);
    expect(localTime(moment.toISOString())).toBe('2026-01-05 14:03:09');
    expect(utcTime('2026-01-05T14:03:09.120+02:00')).toBe('2026-01-05 12:03:09.120 UTC');
    expect(localTime('2026-01-05T14:03:09.120+02:00', true)).toBe('2026-01-05 12:03:09');
    expect(localTime('no time')).toBeUndefined();
  });

  it('puts any value into one line', () => {
    const lines = [
      { sku: 'SKU-1', quantity: 2 },
      { sku: 'SKU-4', quantity: null },
    ];
    expect(oneLine(lines)).toBe('SKU-1 · 2, SKU-4 · ');
    expect([null, 0, false, 'text'].map(oneLine)).toEqual(['', '0', 'false', 'text']);
  });

  it('counts in words', () => {
    expect([plural(1, 'row'), plural(2, 'row')]).toEqual(['1 row', '2 rows']);
  });
});
