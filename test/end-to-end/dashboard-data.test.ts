import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDashboard, type Dashboard } from '@tributary/dashboard';
import { createLogger } from '@tributary/shared';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sampleConfig, writePart } from '../../dashboard/test/sample.js';
import { startChromium } from '../services/chromium.js';
import { expectUsable, LOOKS, openPage } from './support/browsed.js';

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

  test('says in words that there is no such dataset', async () => {
    const page = await open('/schema/nothing');
    await page.getByText('There is no such dataset').waitFor();
    await page.context().close();
  });

  test('has made no browser complain', () => expect(complaints.filter((one) => !one.includes('404'))).toEqual([]));
});
