import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDashboard, type Dashboard } from '@tributary/dashboard';
import { createLogger } from '@tributary/shared';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sampleConfig, writePart } from '../../dashboard/test/sample.js';
import { startChromium } from '../services/chromium.js';
import { expectUsable, LOOKS, openPage } from './support/browsed.js';

const TOKEN = 'anna-who-is-an-operator-1';
const QUERY = 'SELECT id, spent, "updatedAt" FROM customers ORDER BY id';

describe('SQL in a browser', () => {
  const complaints: string[] = [];
  let folder: string;
  let dashboard: Dashboard;
  let browser: Browser;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sql-page-'));
    const rows = Array.from({ length: 60 }, (_, index) => ({
      key: `c-${String(index).padStart(2, '0')}`,
      at: index,
      values: { spent: (index * 37) % 50 },
    }));
    await writePart(folder, rows);
    dashboard = createDashboard({
      config: sampleConfig(folder),
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log: createLogger({ service: 'dashboard', instance: 'test', level: 'silent' }),
      tokens: { operator: `anna=${TOKEN}` },
      auditLog: join(folder, 'audit', 'actions.jsonl'),
    });
    await dashboard.start();
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await dashboard?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('a person types with offered names, runs, charts, saves and sends the address', async () => {
    const page = await openPage(browser, `${dashboard.url}/sql`, { token: TOKEN, complaints });
    const field = page.getByLabel('Query');
    const place = async () => (await page.getByRole('button', { name: 'Run' }).boundingBox())?.y;
    const before = await place();
    await field.fill('SELECT count(*) AS n FROM custo');
    await field.press('End');
    await field.press('s');
    await field.press('Backspace');
    await page
      .getByRole('group', { name: 'Names that fit' })
      .getByRole('button', { name: 'customers', exact: true })
      .waitFor();
    // What is offered moves nothing that a person is about to click.
    expect(await place()).toBe(before);
    await field.press('Tab');
    expect(await field.inputValue()).toBe('SELECT count(*) AS n FROM customers');
    await field.press('Control+Enter');
    await page.getByRole('cell', { name: '60' }).waitFor();
    expect(new URL(page.url()).searchParams.get('query')).toBe('SELECT count(*) AS n FROM customers');

    await field.fill('SELECT 1,\n nix FROM customers');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByRole('region', { name: 'Result' }).getByText('Line 2, character 2:').waitFor();
    expect(await page.getByRole('link', { name: 'NDJSON' }).isVisible()).toBe(false);
    expect(await page.getByRole('region', { name: 'Result' }).textContent()).not.toContain('!.');

    await field.fill(QUERY);
    await field.press('Control+Enter');
    await page.getByText('60 rows').first().waitFor();
    await page.getByLabel('Chart').selectOption('bar');
    await page.getByRole('img', { name: 'spent by id: 60 points, from 0 to 49' }).waitFor();
    await page.getByLabel('Name to save under').fill('All of them');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'All of them', exact: true }).waitFor();

    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'NDJSON' }).click();
    const file = await readFile(await (await download).path(), 'utf8');
    expect(file.split('\n')[1]).toBe('{"id":"c-01","spent":37,"updatedAt":"2026-01-05T01:00:00.000Z"}');
    const log = await readFile(join(folder, 'audit', 'actions.jsonl'), 'utf8');
    expect(log).toContain(`"who":"anna","role":"operator"`);
    expect(log).toContain(JSON.stringify(QUERY));
    await page.context().close();
  });

  test('a link shows its query and waits; what was run in this tab runs again', async () => {
    const linked = (query: string) => `${dashboard.url}/sql?${new URLSearchParams({ query })}`;
    const audited = () => readFile(join(folder, 'audit', 'actions.jsonl'), 'utf8');
    const page = await openPage(browser, linked('SELECT 41 + 1 AS n'), { token: TOKEN, complaints });
    await page.getByRole('heading', { name: 'This query waits' }).waitFor();
    expect(await page.getByLabel('Query').inputValue()).toBe('SELECT 41 + 1 AS n');
    expect(await audited()).not.toContain('41 + 1');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('cell', { name: '42' }).waitFor();
    await page.reload();
    await page.getByRole('cell', { name: '42' }).waitFor();
    await page.goto(linked('SELECT 50 + 1 AS n'));
    await page.getByRole('heading', { name: 'This query waits' }).waitFor();
    await page.goBack();
    await page.getByRole('cell', { name: '42' }).waitFor();
    const other = await page.context().newPage();
    await other.goto(linked('SELECT 41 + 1 AS n'));
    await other.getByRole('heading', { name: 'This query waits' }).waitFor();
    expect(await audited()).not.toContain('50 + 1');
    await page.context().close();
  });

  test('a fault of one query does not stand there while another runs', async () => {
    const page = await openPage(browser, `${dashboard.url}/sql`, { token: TOKEN, complaints });
    const field = page.getByLabel('Query');
    await field.fill('SELECT nix FROM customers');
    await field.press('Control+Enter');
    await page.getByRole('heading', { name: 'No result' }).waitFor();
    await field.fill('SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3');
    await field.press('Control+Enter');
    await page.getByRole('heading', { name: 'Running' }).waitFor();
    expect(await page.getByRole('heading', { name: 'No result' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('It was stopped.').first().waitFor();
    await page.context().close();
  });

  test('several rows for one x are lines of their own', async () => {
    const page = await openPage(browser, `${dashboard.url}/sql`, { token: TOKEN, complaints });
    const field = page.getByLabel('Query');
    await field.fill(
      "SELECT range % 10 AS x, range AS y, CASE WHEN range < 10 THEN 'few' ELSE 'many' END AS kind FROM range(20)",
    );
    await field.press('Control+Enter');
    await page.getByLabel('Chart').selectOption('line');
    await page.getByRole('img', { name: 'y by x: 20 points, from 0 to 19, as 2 lines by kind: few, many' }).waitFor();
    await page.getByLabel('Each').selectOption('');
    await page.getByRole('img', { name: /several rows have the same x/ }).waitFor();
    await page.context().close();
  });

  test('an address that does not exist is told on a page, with its tabs', async () => {
    const page = await openPage(browser, `${dashboard.url}/sqll`, { token: TOKEN, complaints });
    await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
    await expectUsable(page);
    await page.getByRole('link', { name: 'SQL' }).click();
    await page.getByLabel('Query').waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
    await page.context().close();
  });

  test.each(LOOKS)('is usable at $viewport.width px, $colorScheme', async (look) => {
    const place = new URLSearchParams({ query: QUERY, chart: 'line', x: 'updatedAt' });
    const page = await openPage(browser, `${dashboard.url}/sql?${place}`, { token: TOKEN, complaints, ...look });
    await page.getByRole('heading', { name: 'This query waits' }).waitFor();
    await expectUsable(page);
    await page.getByRole('button', { name: 'Run it' }).click();
    await page.getByRole('img', { name: 'spent by updatedAt' }).waitFor();
    await expectUsable(page);
    const rowOf = async (name: string) => {
      const { y = 0, height = 0 } = (await page.getByRole('button', { name }).boundingBox()) ?? {};
      return Math.round(y + height / 2);
    };
    if (look.viewport.width >= 1_000) expect(await rowOf('Save')).toBe(await rowOf('Run'));
    await page.context().close();
  });

  test('has had nothing refused by the policy', () => {
    // What a person typed wrong is answered with 422 or 404, which the browser tells.
    expect(complaints.filter((one) => !/422|404/.test(one))).toEqual([]);
  });
});
