import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ago, bytes, localTime, oneLine, plural, utcTime } from '../public/format.js';
import { addressOf, readPlace } from '../public/location.js';

const folder = fileURLToPath(new URL('../public', import.meta.url));
const files = await readdir(folder);
const read = (file: string) => readFile(join(folder, file), 'utf8');

describe('the page', () => {
  it('weighs less than 60 kB', async () => {
    const sizes = await Promise.all(files.map(async (file) => Buffer.byteLength(await read(file))));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(60_000);
  });

  it('has no script, style or handler within its HTML', async () => {
    const html = await read('index.html');
    expect([...html.matchAll(/<script(?![^>]*\ssrc=)/g)]).toEqual([]);
    expect([...html.matchAll(/<script[^>]*>[^<]/g)]).toEqual([]);
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|javascript:/i);
  });

  it('asks nobody else for anything', async () => {
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

describe('an address of the page', () => {
  it('leaves out what is as usual, and comes back as it was', () => {
    const usual = { dataset: 'customers', view: 'latest', page: 1, search: '', all: false } as const;
    expect(addressOf(usual)).toBe('/?dataset=customers');
    expect(addressOf({ ...usual, dataset: undefined })).toBe('/');
    const other = { dataset: 'customers', view: 'history', page: 3, search: 'a&b=ü', all: true } as const;
    expect(readPlace(addressOf(other).slice(1))).toEqual(other);
    expect(readPlace('?dataset=customers')).toEqual(usual);
  });

  it('survives being tampered with', () => {
    expect(readPlace('?view=x&page=-4&search=&columns=1')).toEqual({
      dataset: undefined,
      view: 'latest',
      page: 1,
      search: '',
      all: false,
    });
    expect(readPlace(`?page=2.9&search=${'x'.repeat(500)}`)).toMatchObject({ page: 2, search: 'x'.repeat(200) });
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
