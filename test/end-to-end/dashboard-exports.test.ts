import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDashboard, type Dashboard } from '@tributary/dashboard';
import { createLogger } from '@tributary/shared';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sampleConfig, writePart } from '../../dashboard/test/sample.js';
import { customers, wholeRuns } from '../integration/exports/support.js';
import { startChromium } from '../services/chromium.js';
import { expectUsable, LOOKS, openPage } from './support/browsed.js';

const OPERATOR = 'anna-who-is-an-operator-1';
const VIEWER = 'victor-who-may-look-only-1';

describe('exports in a browser', () => {
  const complaints: string[] = [];
  let folder: string;
  let out: string;
  let dashboard: Dashboard;
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'exports-page-'));
    out = join(folder, 'out');
    await writePart(join(folder, 'output'), customers(300));
    const exports = `exports:
  training_set: { query: "select id, points, spent from customers where points > 10", to: ${out}, split: { train: 0.8, test: 0.2, by: id }, keep: 4, schedule: { cron: "0 3 1 */3 *" } }
  every_customer: { dataset: customers, format: csv, to: ${out} }
  wrong: { query: "select nothing from customers", to: ${out} }
`;
    dashboard = createDashboard({
      config: sampleConfig(join(folder, 'output'), 'csv', exports),
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log: createLogger({ service: 'dashboard', instance: 'test', level: 'silent' }),
      tokens: { operator: `anna=${OPERATOR}`, viewer: `victor=${VIEWER}` },
      readToken: 'scraper-token-123',
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

  test('are run by hand, and tell how that ended', async () => {
    const page = await openPage(browser, `${dashboard.url}/exports`, { token: OPERATOR, complaints });
    await page.getByRole('button', { name: 'Export now: training_set' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Export', exact: true }).click();
    const set = page.locator('.export', { has: page.getByRole('heading', { name: 'training_set' }) });
    await set.locator('tbody tr', { hasText: 'done' }).waitFor();
    expect(await set.locator('tbody tr').first().innerText()).toContain('289');
    const [manifest] = wholeRuns(join(out, 'training_set'));
    expect(manifest?.rows).toBe(289);
    await page.getByRole('button', { name: 'Export now: wrong' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Export', exact: true }).click();
    const wrong = page.locator('.export', { has: page.getByRole('heading', { name: 'wrong' }) });
    await wrong.getByText(/The last run failed: .*nothing/).waitFor();
    await page.context().close();
    const metrics = await fetch(`${dashboard.url}/metrics`, { headers: { authorization: 'Bearer scraper-token-123' } });
    const told = await metrics.text();
    expect(told).toContain('tributary_export_runs_total{export="training_set",outcome="done",service="dashboard"} 1');
    expect(told).toContain('tributary_export_runs_total{export="wrong",outcome="failed",service="dashboard"} 1');
    expect(told).toContain('tributary_export_last_rows{export="training_set",service="dashboard"} 289');
  }, 300_000);

  test('may be run by an operator alone, and one at a time', async () => {
    const post = (token: string, name: string) =>
      fetch(`${dashboard.url}/api/exports/${name}/run`, {
        method: 'POST',
        body: '{}',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      });
    expect((await post(VIEWER, 'every_customer')).status).toBe(403);
    expect((await post(OPERATOR, 'no_such')).status).toBe(404);
    const answers = await Promise.all([post(OPERATOR, 'every_customer'), post(OPERATOR, 'every_customer')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
    const refused = answers.find(({ status }) => status === 409);
    expect(await refused?.text()).toMatch(/every_customer is being exported since .*, for anna, by the dashboard test/);
    await expect.poll(() => wholeRuns(join(out, 'every_customer')).length).toBe(1);
  });

  test.each(LOOKS)(
    'can be read at $viewport.width px, $colorScheme',
    async (look) => {
      const page = await openPage(browser, `${dashboard.url}/exports`, { ...look, token: OPERATOR, complaints });
      await page.locator('.export tbody tr').first().waitFor();
      await page.locator('.export summary').first().click();
      await expectUsable(page);
      if (process.env.SHOTS) {
        const name = `exports-${look.viewport.width}-${look.colorScheme}.png`;
        await page.screenshot({ path: join(process.env.SHOTS, name), fullPage: true });
      }
      await page.context().close();
    },
    300_000,
  );

  test('complain of nothing', () => {
    expect(complaints).toEqual([]);
  });
});
