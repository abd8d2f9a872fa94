import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDashboard, type Dashboard } from '@tributary/dashboard';
import { createLogger, parsePipeline } from '@tributary/shared';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { sampleConfig, writePart } from '../../dashboard/test/sample.js';
import { startChromium } from '../services/chromium.js';
import { expectUsable, LOOKS, openPage, SIZES } from './support/browsed.js';

/** Turns what stands behind it around, where it is not shown as a character of its own. */
const TURN = '\u202e';

const CITIES = ['Berlin', 'Köln', 'Ulm'];
const rows = [
  ...Array.from({ length: 130 }, (_, index) => ({
    key: `c-${String(index).padStart(3, '0')}`,
    at: index / 10,
    values: {
      name: `Customer ${index}`,
      note: CITIES[index % 3],
      spent: index * 10,
      ...(index >= 100 && { points: index }),
    },
  })),
  { key: 'c-000', at: 20, values: { name: 'Renamed', note: 'Ulm', spent: 5 } },
  { key: 'c-000', at: 21, values: { name: `evil ${TURN}gpj.exe`, note: 'Ulm', spent: 7 } },
];

describe('data in a browser', () => {
  const complaints: string[] = [];
  let folder: string;
  let dashboard: Dashboard;
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'data-'));
    await writePart(folder, rows);
    dashboard = createDashboard({
      config: sampleConfig(folder),
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log: createLogger({ service: 'dashboard', instance: 'test', level: 'silent' }),
      auditLog: join(folder, 'audit.jsonl'),
    });
    await dashboard.start();
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await dashboard?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const open = (path: string, options = {}) => openPage(browser, `${dashboard.url}${path}`, { ...options, complaints });

  test.each(LOOKS)(
    'can be read at $viewport.width px, $colorScheme',
    async (look) => {
      const page = await open('/schema/customers', look);
      await page.locator('.column').first().waitFor();
      await expectUsable(page);
      await page.goto(`${dashboard.url}/data/customers?pin=spent&column=spent&column=note&where=spent:from:10`);
      await page.locator('.rows tbody tr').first().waitFor();
      await page.locator('summary', { hasText: 'Filters' }).click();
      await page.locator('.facets .chip').first().waitFor();
      await expectUsable(page);
      await page.getByRole('button', { name: 'Columns…' }).click();
      await page.locator('.column-choice li').first().waitFor();
      await expectUsable(page);
      await page.goto(`${dashboard.url}/data/customers?chart=line&y=spent&by=note`);
      await page.locator('.dataset-chart canvas').waitFor();
      await expectUsable(page);
      await page.goto(`${dashboard.url}/trace?dataset=customers&key=c-000`);
      await page.locator('.compare summary').click();
      await expectUsable(page);
      await page.context().close();
    },
    300_000,
  );

  test('tells what each column holds, with links to the rows', async () => {
    const page = await open('/data/customers');
    await page.getByRole('link', { name: 'What they hold' }).click();
    await page.getByText('9 columns of 130 rows').first().waitFor();
    expect(await page.locator('#tabs [aria-current]').innerText()).toBe('Data');
    const spent = page.getByRole('article', { name: 'spent' });
    await spent.getByRole('img', { name: /spread from 7 to 1290/ }).waitFor();
    expect((await spent.locator('dl').innerText()).replaceAll(/\s+/g, ' ')).toBe(
      'Empty 0 Different 130 Least 7 Most 1290',
    );
    const points = page.getByRole('article', { name: 'points' });
    await points.getByText('Began', { exact: true }).waitFor();
    await points.getByRole('link', { name: '100 (77 %)' }).click();
    await page.getByText('1–50 of 100').waitFor();
    await page.goBack();
    await page.getByRole('article', { name: 'note' }).getByRole('link', { name: 'Köln 43' }).click();
    await page.getByText('1–43 of 43').waitFor();
    expect(new URL(page.url()).search).toBe('?where=note%3Ais%3AK%C3%B6ln');
    await page.context().close();
  });

  test('draws all rows that are selected, as the person chooses', async () => {
    const page = await open('/data/customers');
    await page.locator('.rows tbody tr').first().waitFor();
    await page.getByRole('link', { name: 'Chart', exact: true }).click();
    const chart = page.getByRole('region', { name: 'Chart of customers' });
    await chart.getByText('In steps of 1 hour, of 130 rows.').waitFor();
    const choose = (label: string, value: string) =>
      chart.getByRole('combobox', { name: label, exact: true }).selectOption(value);
    await choose('Across', 'note');
    await choose('Up', 'spent');
    await choose('As', 'sum');
    await chart.getByRole('img', { name: /^sum of spent by note: 3 points, from 27,520 to 28,380/ }).waitFor();
    expect(new URL(page.url()).search).toBe('?chart=bar&x=note&y=spent&how=sum');
    await page.locator('summary', { hasText: 'Filters' }).click();
    await page.getByRole('link', { name: 'Köln 43' }).click();
    await chart.getByText('Of 43 rows.').waitFor();
    await page.getByRole('link', { name: /note is Köln/ }).click();
    await choose('Chart', 'line');
    await choose('Each', 'note');
    await chart.getByRole('list', { name: 'Lines' }).getByText('Köln').waitFor();
    await choose('Chart', 'scatter');
    await choose('Up', 'points');
    await chart.getByText('Of 30 rows. 100 others of the selection have no value that can be drawn.').waitFor();
    await choose('Chart', 'histogram');
    await choose('Across', 'spent');
    await chart.getByText('In steps of 100, of 130 rows.').waitFor();
    // Who gets the address sees the same.
    const other = await open(new URL(page.url()).pathname + new URL(page.url()).search);
    await other.getByText('In steps of 100, of 130 rows.').waitFor();
    await other.context().close();
    await page.goto(`${dashboard.url}/data/customers?chart=line&x=name`);
    await chart.getByText('Name has neither numbers nor times: across, it fits bars alone.').waitFor();
    expect(complaints.splice(0)).toEqual([expect.stringContaining('400')]);
    await page.goto(`${dashboard.url}/data/customers?chart=bar&search=nothing+such`);
    await chart.getByText('No row is selected: there is nothing to draw.').waitFor();
    await page.getByRole('link', { name: 'Chart', exact: true }).click();
    await chart.waitFor({ state: 'hidden' });
    await page.context().close();
  });

  test('shows the columns that a person chooses, in their order, and keeps some in view', async () => {
    const page = await open('/data/customers');
    const heads = page.locator('.rows thead th');
    await heads.first().waitFor();
    expect(await heads.first().innerText()).toBe('id');
    await page.getByRole('button', { name: 'Columns…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Columns' });
    await dialog.getByRole('checkbox', { name: 'lines', exact: true }).uncheck();
    await dialog.getByRole('button', { name: 'Move up: spent' }).press('Enter');
    await dialog.getByRole('button', { name: 'Move up: spent' }).press('Enter');
    await dialog.getByRole('button', { name: 'Pin: note' }).click();
    await dialog.getByRole('button', { name: 'Show', exact: true }).click();
    await expect.poll(async () => (await heads.allInnerTexts()).slice(0, 4).join()).toBe('id,note,spent,name');
    expect(await heads.allInnerTexts()).not.toContain('lines');
    const address = page.url();
    expect(await page.evaluate(`getComputedStyle(document.querySelector('.rows tbody td')).left`)).not.toBe('0px');
    await page.getByRole('button', { name: 'Columns…' }).click();
    await dialog.getByRole('button', { name: 'As usual' }).click();
    await expect.poll(() => heads.allInnerTexts()).toContain('lines');
    await page.goto(address);
    await expect.poll(async () => (await heads.allInnerTexts()).slice(0, 4).join()).toBe('id,note,spent,name');
    await page.context().close();
  });

  test('goes to a page and to a row, with as many rows on a page as a person wants', async () => {
    const page = await open('/data/customers');
    const position = page.locator('.pager p').first();
    await page.getByText('1–50 of 130').waitFor();
    await page.getByRole('spinbutton', { name: 'Go to page' }).fill('3');
    await page.keyboard.press('Enter');
    await page.getByText('101–130 of 130').waitFor();
    await page.getByRole('spinbutton', { name: 'Go to row' }).fill('77');
    await page.keyboard.press('Enter');
    await expect.poll(() => position.innerText()).toContain('51–100 of 130');
    await expect.poll(() => page.evaluate('document.activeElement.dataset.row')).toBe('26');
    await page.getByRole('combobox', { name: 'Rows on a page' }).selectOption('25');
    await expect.poll(() => position.innerText()).toContain('51–75 of 130');
    expect(new URL(page.url()).search).toBe('?page=3&size=25');
    await page.context().close();
  });

  test('filters by ranges of numbers and times, and by what is not', async () => {
    const page = await open('/data/customers', { timezoneId: 'Europe/Berlin' });
    await page.locator('summary', { hasText: 'Filters' }).click();
    const column = page.getByRole('combobox', { name: 'Column', exact: true });
    const comparison = page.getByRole('combobox', { name: 'Comparison' });
    const add = page.getByRole('button', { name: 'Add filter' });
    await column.selectOption('spent');
    await comparison.selectOption('between');
    await page.getByLabel('Value', { exact: true }).fill('100');
    await page.getByLabel('Last value').fill('190');
    await add.click();
    await page.getByText('1–10 of 10').waitFor();
    await column.selectOption('note');
    await comparison.selectOption('not');
    await page.getByLabel('Value', { exact: true }).fill('Ulm');
    await add.click();
    await page.getByText('1–7 of 7').waitFor();
    await page.getByRole('link', { name: 'Remove all filters' }).click();
    await page.getByText('1–50 of 130').waitFor();
    await column.selectOption('updatedAt');
    await comparison.selectOption('from');
    await page.getByLabel('Value', { exact: true }).fill('2026-01-05T13:00:00');
    await add.click();
    await page.getByText('1–11 of 11').waitFor();
    expect(new URL(page.url()).searchParams.get('where')).toBe('updatedAt:from:2026-01-05T12:00:00.000Z');
    await page.context().close();
  });

  test('compares any two versions of a record, and shows characters that turn text as such', async () => {
    const page = await open('/trace?dataset=customers&key=c-000');
    await page.locator('.compare summary').click();
    const cells = page.locator('.compare tbody tr').filter({ hasText: 'name' }).locator('td');
    expect(await cells.allInnerTexts()).toEqual(['Customer 0', 'evil ⟨U+202E⟩gpj.exe']);
    await page.getByRole('combobox', { name: 'Later version' }).selectOption('1');
    await expect.poll(() => cells.allInnerTexts()).toEqual(['Customer 0', 'Renamed']);
    for (const path of ['/data/customers?search=evil', '/trace?dataset=customers&key=c-000', '/schema/customers']) {
      await page.goto(`${dashboard.url}${path}`);
      await page.getByText('evil ⟨U+202E⟩gpj.exe').first().waitFor({ state: 'attached' });
      expect(await page.locator('body').innerText()).not.toContain(TURN);
    }
    await page.context().close();
  });

  test('has targets for fingers, the first rows and the open tab on the first screen of a phone', async () => {
    const page = await open('/data/customers', { viewport: { width: 360, height: 640 } });
    await page.locator('.rows tbody tr').first().waitFor();
    expect((await page.locator('.rows tbody tr').nth(1).boundingBox())?.y).toBeLessThan(600);
    const small = await page.evaluate(`[...document.querySelectorAll('a, button, input, select, summary')]
      .filter((one) => one.offsetParent !== null && one.className !== 'skip')
      .map((one) => [one.textContent, one.getBoundingClientRect()])
      .filter(([, { width, height }]) => width < 24 || height < 24)
      .map(([text, { width, height }]) => [text, width, height])`);
    expect(small).toEqual([]);
    for (const path of ['/audit', '/', '/trace']) {
      await page.goto(`${dashboard.url}${path}`);
      const box = await page.locator('#tabs [aria-current]').boundingBox();
      expect(box?.x).toBeGreaterThanOrEqual(0);
      expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(360);
    }
    await page.context().close();
  });

  test('says in words that there is no such dataset', async () => {
    const page = await open('/schema/nothing');
    await page.getByText('There is no such dataset').waitFor();
    await page.context().close();
  });

  test('has made no browser complain', () => expect(complaints.filter((one) => !one.includes('404'))).toEqual([]));

  test('an aggregate says as of when its groups are right, or that no consumer tells it', async () => {
    const asOf = Math.floor(Date.now() / 1_000) - 90;
    const consumer = createServer((request, response) =>
      response.end(
        request.url === '/metrics'
          ? `tributary_aggregate_as_of_seconds{dataset="by_note"} ${asOf}\n`
          : JSON.stringify({ problems: [] }),
      ),
    );
    await new Promise<void>((resolve) => consumer.listen(0, '127.0.0.1', resolve));
    const output = await mkdtemp(join(tmpdir(), 'as-of-'));
    const config = parsePipeline(
      `
entities:
  customer: { dataset: customers, queue: as_of_customers, key: id, fields: { id: string, note: string? } }
endpoints:
  crm: { url: "http://127.0.0.1:1/customers", entity: customer }
aggregates:
  by_note: { from: customers, by: [note], metrics: { customers: count } }
  in_all: { from: customers, metrics: { customers: count } }
sink: { csv: { directory: ${output} } }
`,
      {},
      'test.yaml',
    );
    const own = createDashboard({
      config,
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log: createLogger({ service: 'dashboard', instance: 'test', level: 'silent' }),
      auditLog: join(output, 'audit.jsonl'),
      services: () => ({
        producers: [],
        consumers: [`http://127.0.0.1:${(consumer.address() as AddressInfo).port}`],
      }),
    });
    onTestFinished(async () => {
      await own.stop();
      consumer.close();
      await rm(output, { recursive: true, force: true });
    });
    await own.start();
    const page = await openPage(browser, `${own.url}/data`, { complaints, viewport: SIZES[0] });
    const card = (name: string) => page.locator('.card', { hasText: name });
    await card('by_note').getByText('As of 2 min ago').or(card('by_note').getByText('As of 1 min ago')).waitFor();
    await card('in_all').getByText('As of unknown: no consumer tells it').waitFor();
    expect(await card('customers').first().getByText('As of').count()).toBe(0);
    await expectUsable(page);
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/data.png`, fullPage: true });
    await page.goto(`${own.url}/data/by_note`);
    await page.locator(`.stats time[datetime="${new Date(asOf * 1_000).toISOString()}"]`).waitFor();
    await expectUsable(page);
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/by_note.png` });
    await page.context().close();
  });
});
