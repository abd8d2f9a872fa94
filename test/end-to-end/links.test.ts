import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createDashboard, type Dashboard } from '@tributary/dashboard';
import {
  createLogger,
  datasetsOf,
  type PipelineConfig,
  parsePipeline,
  partName,
  SYSTEM_COLUMNS,
} from '@tributary/shared';
import { writeToString } from 'fast-csv';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../services/chromium.js';
import { useStage } from './support/stage.js';

const stage = useStage();
const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });

const PIPELINE = `
entities:
  customer:
    dataset: customers
    queue: customer_data
    key: id
    fields: { id: string, name: string, lines: { type: list, items: { sku: string }, optional: true } }
  item: { dataset: inventory, queue: inventory_data, key: sku, fields: { sku: string, price: number } }
  order: { dataset: orders, queue: order_data, key: [shop, number], fields: { shop: string, number: string } }
endpoints:
  crm: { url: "http://127.0.0.1:1/customers", entity: customer }
merges:
  customer_items:
    each: { entity: customer, lines: lines }
    with: { entity: item, on: sku }
    columns: { customer_name: customer.name, price: item.price }
sink: { type: csv, csv: { directory: "\${DIRECTORY}" } }
`;

/** What an address has to write in another way. */
const ODD = 'a/b 50% x+y&c=d?e#1 ünïcode 🦊 "\'%2F ../.. \\ <b>';
const KEYS = ['plain', '50%/ŧ', ODD];
const escaped = (key: string) => key.replaceAll('%', '%25').replaceAll('/', '%2F');

describe('links between the pages, with several datasets and keys that need encoding', { timeout: 240_000 }, () => {
  let browser: Browser;
  let dashboard: Dashboard;
  let config: PipelineConfig;

  beforeAll(async () => {
    config = parsePipeline(PIPELINE, { DIRECTORY: stage.path('output') }, 'test.yaml');
    await write(
      'customers',
      KEYS.map((key) => [key, { id: key, name: `Customer ${key}` }]),
    );
    await write(
      'inventory',
      KEYS.map((key) => [key, { sku: key, price: 1 }]),
    );
    await write(
      'orders',
      KEYS.map((key) => [`${escaped(key)}/1`, { shop: key, number: '1' }]),
    );
    await write(
      'customer_items',
      KEYS.map((key) => [`${escaped(key)}/${escaped(key)}`, { customer_name: key, price: 1 }]),
    );
    dashboard = createDashboard({ config, port: 0, host: '127.0.0.1', instance: 'test', log });
    await dashboard.start();
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await dashboard?.stop();
  });

  async function write(dataset: string, rows: readonly (readonly [string, Record<string, unknown>])[]): Promise<void> {
    const columns = Object.keys(datasetsOf(config).find(({ name }) => name === dataset)?.columns ?? {});
    const cells = rows.map(([key, values], index) => {
      const own = columns.map((column) => String(values[column] ?? ''));
      const id = `01900000-0000-7000-8000-${String(index).padStart(12, '0')}`;
      return [...own, key, `hash-${index}`, '1', id, 'false', '2026-01-05T10:00:00.000Z'];
    });
    const text = await writeToString([[...columns, ...SYSTEM_COLUMNS], ...cells], {
      rowDelimiter: '\r\n',
      includeEndRowDelimiter: true,
    });
    await mkdir(join(stage.path('output'), dataset), { recursive: true });
    await writeFile(join(stage.path('output'), dataset, partName('one', 1)), text);
  }

  async function open(path: string): Promise<Page> {
    const page = await newPage();
    await go(page, path);
    return page;
  }
  async function newPage(): Promise<Page> {
    const page = await browser.newPage();
    page.setDefaultTimeout(45_000);
    return page;
  }
  /**
   * Containers that start on this machine change its network, and the browser gives up what it is fetching then. The page asks again
   * for all but its own HTML and first script.
   */
  async function go(page: Page, path: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await page.goto(`${dashboard.url}${path}`);
        await page
          .locator('#tabs a')
          .first()
          .waitFor({ timeout: 15_000 * attempt });
        return;
      } catch (error) {
        if (attempt === 4) throw error;
      }
    }
  }
  const traced = async (page: Page) => {
    await page.locator('.version, .empty').first().waitFor();
    return (await page.locator('.trace').innerText()).replaceAll(/\s+/g, ' ');
  };

  const isFound = expect.stringContaining('1 version, newest first');

  test.each(['customers', 'inventory', 'orders', 'customer_items'])(
    'lead from a row of %s to its trace',
    async (dataset) => {
      const page = await open(`/data/${dataset}`);
      for (const index of KEYS.keys()) {
        await page.locator('.rows tbody tr button').nth(index).click();
        const key = await page.locator('#detail-title').innerText();
        await page.locator('dialog').getByRole('link', { name: 'Trace this key' }).click();
        expect([key, await traced(page)]).toEqual([key, isFound]);
        expect(await page.getByLabel('Dataset').inputValue()).toBe(dataset);
        await page.goBack();
      }
      await page.close();
    },
  );

  test.each([
    ['customers', ODD],
    ['inventory', '50%/ŧ'],
  ])('lead from a record of %s to the merged rows that were made of it', async (dataset, key) => {
    const page = await open(`/trace?${new URLSearchParams({ dataset, key })}`);
    expect(await traced(page)).toEqual(isFound);
    const merged = `${escaped(key)}/${escaped(key)}`;
    await page.locator('.merged li').getByRole('link', { name: merged, exact: true }).click();
    await page.waitForURL((url) => url.searchParams.get('dataset') === 'customer_items');
    await expect.poll(() => page.locator('.merged').count()).toBe(0);
    expect(await page.locator('.trace').innerText()).not.toContain('false');
    expect(await traced(page)).toEqual(isFound);
    await page.goBack();
    await page.locator('.merged').getByRole('link', { name: 'customer_items', exact: true }).click();
    await page.locator('.rows tbody tr').first().waitFor();
    expect(await page.locator('.rows tbody th button').allInnerTexts()).toEqual([merged]);
    await page.close();
  });

  test('lead to a page that is there in the end, whatever of it a change of the network takes away', async () => {
    const page = await newPage();
    const lost = new Map<string, number>();
    /** The first requests for a file, or for data, get no answer. */
    const lose = (pattern: RegExp, times: number) =>
      page.route(pattern, (route) => {
        const { pathname } = new URL(route.request().url());
        const before = lost.get(pathname) ?? 0;
        lost.set(pathname, before + 1);
        return before < times ? route.abort('internetdisconnected') : route.continue();
      });
    await lose(/[/]app[.]js$/, 2);
    await lose(/[/]pages[/]dataset[.]js$/, 3);
    await lose(/[/]ui[/]frame[.]css$/, 3);
    await lose(/[/]api[/]datasets[/]customers[/]rows/, 2);
    await lose(/[/]api[/]trace/, 5);
    await go(page, '/data/customers');
    // The page loads itself again until it is whole; the bar has this display by a style sheet that was lost at first.
    const state = () =>
      page
        .evaluate("[sessionStorage.getItem('reloads'), getComputedStyle(document.querySelector('.bar')).display]")
        .catch(String);
    await expect.poll(state, { timeout: 90_000 }).toEqual([null, 'flex']);
    await page.locator('.rows tbody tr button').first().click();
    await page.locator('dialog').getByRole('link', { name: 'Trace this key' }).click();
    await expect.poll(() => traced(page), { timeout: 45_000 }).toEqual(isFound);
    expect([...lost.values()].every((times) => times > 0)).toBe(true);
    await page.close();
  });

  test('lead to a download of the rows that are chosen, also from a table that is sorted', async () => {
    const page = await open('/data/customers?sort=-name&where=id:is:plain');
    for (const name of ['Download these rows', 'NDJSON']) {
      const href = await page.getByRole('link', { name }).getAttribute('href');
      const download = await page.request.get(`${dashboard.url}${href}`);
      expect([download.status(), await download.text()]).toEqual([200, expect.stringContaining('Customer plain')]);
    }
    await page.close();
  });

  test('show nothing any more in a tab whose person has signed out in another', async () => {
    const token = 'a-viewer-of-the-links';
    const guarded = createDashboard({
      config,
      port: 0,
      host: '127.0.0.1',
      instance: 'guarded',
      log,
      tokens: { viewer: token },
    });
    await guarded.start();
    const context = await browser.newContext();
    try {
      const headers = { 'content-type': 'application/json' };
      const session = `${guarded.url}/api/session`;
      expect((await context.request.post(session, { headers, data: { token } })).status()).toBe(200);
      const page = await context.newPage();
      page.setDefaultTimeout(45_000);
      await page.goto(`${guarded.url}/data/customers`);
      await page.locator('.rows tbody tr button').first().click();
      await page.locator('#detail-title').waitFor();
      expect(await page.locator('body').innerText()).toContain('Customer plain');
      expect((await context.request.delete(session, { headers })).status()).toBeLessThan(300);
      await page.getByText('Sign in to read').waitFor();
      expect(await page.locator('body').innerText()).not.toContain('Customer plain');
      await expect.poll(() => page.locator('dialog').count(), { timeout: 45_000 }).toBe(0);
    } finally {
      await context.close();
      await guarded.stop();
    }
  });

  test('lead on from a dataset that does not have the key, also when the key was typed', async () => {
    const page = await open('/trace');
    await page.getByLabel('Dataset').selectOption('inventory');
    await page.getByLabel('Key').fill(`${escaped(ODD)}/1`);
    await page.getByRole('button', { name: 'Trace' }).click();
    await expect.poll(() => traced(page)).toContain('in inventory');
    await page.getByRole('link', { name: 'Search in orders' }).click();
    await expect.poll(() => traced(page)).toEqual(isFound);
    expect(await page.getByLabel('Dataset').inputValue()).toBe('orders');
    await page.close();
  });

  test('lead to whichever dataset has the key, if the address names none', async () => {
    const page = await open(`/trace?${new URLSearchParams({ key: `${escaped(ODD)}/1` })}`);
    expect(await traced(page)).toEqual(isFound);
    await expect.poll(() => page.getByLabel('Dataset').inputValue()).toBe('orders');
    await page.close();
  });
});
