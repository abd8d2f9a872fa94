import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDashboard, type Dashboard } from '@tributary/dashboard';
import { createLogger, parsePipeline } from '@tributary/shared';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { httpReceiver } from '../../dashboard/test/alerts/receivers.js';
import { startChromium } from '../services/chromium.js';
import { expectUsable, LOOKS, openPage } from './support/browsed.js';

const TOKEN = 'anna-who-is-an-operator-1';

describe('the page of alerts in a browser', () => {
  let browser: Browser;
  let dashboard: Dashboard;
  let folder: string;
  let hook: Awaited<ReturnType<typeof httpReceiver>>;
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'alerts-'));
    hook = await httpReceiver();
    const file = {
      entities: { customer: { dataset: 'customers', queue: 'customer_data', key: 'id', fields: { id: 'string' } } },
      endpoints: { one: { url: 'http://127.0.0.1:1/one', entity: 'customer' } },
      sink: { csv: { directory: folder } },
      alerts: {
        rules: { stale: { when: 'freshness', olderThan: '1ms', for: '1ms', gather: '1ms' } },
        channels: { hook: { type: 'webhook', url: hook.url } },
      },
    };
    const path = join(folder, 'pipeline.yaml');
    await writeFile(path, JSON.stringify(file, null, 2));
    dashboard = createDashboard({
      source: { file: path, env: {} },
      config: parsePipeline(JSON.stringify(file), {}, 'alerts.yaml'),
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log: createLogger({ service: 'dashboard', instance: 'test', level: 'silent' }),
      tokens: { operator: `anna=${TOKEN}` },
      auditLog: join(folder, 'audit.jsonl'),
    });
    await dashboard.start();
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await dashboard?.stop();
    await hook?.close();
    await rm(folder, { recursive: true });
  });

  test('a person sees what fires on Flow, goes to it, tries a channel, silences the alert, and ends that', async () => {
    const page = await openPage(browser, dashboard.url, { token: TOKEN, complaints });
    await page.getByRole('link', { name: /customers has no row/ }).waitFor();
    await page.getByRole('link', { name: 'All alerts' }).click();
    await page.getByRole('heading', { name: 'Alerts' }).waitFor();
    await page.getByRole('button', { name: 'Send a test message to hook' }).click();
    await expect.poll(() => hook.received.some(({ body }) => body.includes('alert.test'))).toBe(true);
    await page.getByRole('button', { name: 'Silence customers' }).click();
    await page.getByLabel('Reason').fill('it is known');
    await page.getByLabel('For how long').selectOption('240');
    await page.getByRole('dialog').getByRole('button', { name: 'Silence' }).click();
    await page.getByRole('region', { name: 'Silences' }).getByText('it is known').waitFor();
    await page.getByRole('button', { name: 'End the silence of customers' }).click();
    await page.getByRole('region', { name: 'Silences' }).waitFor({ state: 'detached' });
    await page.context().close();
    expect(complaints).toEqual([]);
  });

  test('an operator edits a copy of the configuration, and is told its faults in words as they type', async () => {
    const page = await openPage(browser, `${dashboard.url}/configuration`, { token: TOKEN, complaints });
    await page.getByText(/It is valid: 1 endpoint/).waitFor();
    const editor = page.getByLabel('Pipeline file');
    expect(await editor.inputValue()).not.toContain('hook-of-a-secret-kind');
    await editor.fill((await editor.inputValue()).replace('"1ms"', '1'));
    await page.getByText(/expected a duration with its unit/).waitFor();
    await page.getByRole('button', { name: 'Back to what runs' }).click();
    await page.getByText(/It is valid: 1 endpoint/).waitFor();
    await page.context().close();
    expect(complaints).toEqual([]);
  });

  test.each(LOOKS)('configuration is usable: $viewport.width px, $colorScheme', async (look) => {
    const page = await openPage(browser, `${dashboard.url}/configuration`, { token: TOKEN, complaints, ...look });
    await page.getByText(/It is valid: 1 endpoint/).waitFor();
    await expectUsable(page);
    await page.screenshot({ path: join(tmpdir(), `conf-${look.viewport.width}-${look.colorScheme}.png`) });
    await page.context().close();
    expect(complaints).toEqual([]);
  });

  test.each(LOOKS)('is usable: $viewport.width px, $colorScheme', async (look) => {
    const page = await openPage(browser, `${dashboard.url}/alerts`, { token: TOKEN, complaints, ...look });
    await page.getByRole('heading', { name: 'History' }).waitFor();
    await expectUsable(page);
    await page.screenshot({
      path: join(tmpdir(), `alerts-${look.viewport.width}-${look.colorScheme}.png`),
      fullPage: true,
    });
    await page.goto(dashboard.url);
    await page.getByRole('link', { name: /customers has no row/ }).waitFor();
    await expectUsable(page);
    await page.screenshot({ path: join(tmpdir(), `flow-${look.viewport.width}-${look.colorScheme}.png`) });
    await page.context().close();
    expect(complaints).toEqual([]);
  });
});
