import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser, BrowserContextOptions, Page, Request } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../services/chromium.js';
import { Crm } from './support/crm.js';
import { eventually } from './support/eventually.js';
import { useStage } from './support/stage.js';

const TOKEN = 'browser-test-token';
const NETWORK_CHANGED = 'ERR_NETWORK_CHANGED';
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** As axe tells it, as far as it is asked. */
interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary?: string }[];
}

const SIZES = [
  { width: 360, height: 740 },
  { width: 1440, height: 900 },
] as const;
const SCHEMES = ['light', 'dark'] as const;

const stage = useStage();

describe('the dashboard in a browser', () => {
  let browser: Browser;
  let url: string;
  let crm: Crm;
  /** What the pages complained of: refused by the content security policy, thrown, not found. */
  const complaints: string[] = [];

  beforeAll(async () => {
    const env = {
      POLL_INTERVAL: '1s',
      BATCH_INTERVAL: '1s',
      MOCK_CHANGES_PER_SECOND: '10',
      DASHBOARD_ADMIN_TOKEN: `anna=${TOKEN}`,
      AUDIT_LOG: stage.path('audit.jsonl'),
    };
    const program = stage.start('tributary', { args: ['--output', stage.path('output')], env });
    await program.orEnd(eventually(() => expect(program.stdout).toContain('Stop with Ctrl-C')));
    url = /dashboard +(http:\S+)/.exec(program.stdout)?.[1] ?? '';
    crm = new Crm(/CRM to poll +(http:\S+)/.exec(program.stdout)?.[1] ?? '');
    browser = await startChromium();
  });
  afterAll(() => browser?.close());

  async function open(path: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: SIZES[1], ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(45_000);
    page.on('pageerror', (error) => complaints.push(`${path}: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes(NETWORK_CHANGED))
        complaints.push(`${path}: ${message.text()}`);
    });
    await visit(page, path);
    return page;
  }

  /**
   * Loads a page; anew if the machine's network changed under it, as it does whenever Docker makes or removes one: Chromium
   * drops what is under way then (ERR_NETWORK_CHANGED), and has no switch for that.
   */
  async function visit(page: Page, path: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      let changed = false;
      const onFailed = (request: Request) => {
        changed ||= request.failure()?.errorText.includes(NETWORK_CHANGED) ?? false;
      };
      page.on('requestfailed', onFailed);
      try {
        await page.goto(`${url}${path}`);
      } catch (error) {
        if (!String(error).includes(NETWORK_CHANGED)) throw error;
        changed = true;
      } finally {
        page.off('requestfailed', onFailed);
      }
      if (!changed || attempt === 10) return;
    }
  }

  const rowCount = async (page: Page) =>
    Number((await page.locator('.pager p').first().innerText()).replace(/.*of ([\d,]+).*/s, '$1').replaceAll(',', ''));

  test('shows what flows, and rows as they arrive', async () => {
    const page = await open('/');
    await page.getByText('Live', { exact: true }).waitFor();
    await page.locator('.mood[data-state="good"]').waitFor();
    for (const part of ['crm-customers', 'customer_data', 'inventory_data', 'customer_inventory']) {
      await page.locator('.node', { hasText: part }).first().waitFor();
    }
    const written = page.locator('.vitals div', { hasText: 'Written' }).locator('strong');
    await expect.poll(() => written.innerText()).not.toMatch(/^(–|0)$/);

    // The endpoint crm-customers has a link of its own.
    await page.locator('.node').getByRole('link', { name: 'customers', exact: true }).click();
    await page.getByRole('heading', { name: /^customers/ }).waitFor();
    await page.getByRole('link', { name: 'History', exact: true }).click();
    await page.locator('.rows tbody tr').first().waitFor();
    const before = await rowCount(page);
    await expect.poll(() => rowCount(page)).toBeGreaterThan(before);
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe('/data/customers?view=history');
    await page.context().close();
  });

  test('finds a customer by name, opens it, and traces it to its file', async () => {
    const { customers } = await crm.records();
    const customer = customers[7];
    const page = await open('/data/customers');
    // Before the page is there, keys are of no use, and letters may be the way to another page.
    await page.locator('.rows tbody tr').first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type(String(customer?.email));
    await page
      .locator('.rows tbody tr')
      .filter({ hasText: String(customer?.id) })
      .locator('button')
      .click();
    await page.locator('dialog').getByText(String(customer?.email)).first().waitFor();
    await page.getByRole('link', { name: /Trace/ }).last().click();
    await page
      .getByText(/part-.*\.csv, record \d+/)
      .first()
      .waitFor();
    await page.getByRole('heading', { name: 'Merged rows', exact: true }).waitFor();
    // The key's last poll may be too young to be noted; it is when the page is loaded again.
    const first = page.locator('.version').last();
    await expect
      .poll(
        async () => {
          await visit(page, `/trace?dataset=customers&key=${encodeURIComponent(String(customer?.id))}`);
          return (await first.innerText()).replaceAll(/\s+/g, ' ');
        },
        { timeout: 30_000 },
      )
      .toMatch(
        /Run [\d,]+ of crm-customers started [-\d]+ [:\d]+ by .+ Confirmed [-\d]+ [:\d]+ with all [\d,]+ messages? of the run/,
      );
    expect(await first.innerText()).toMatch(
      /alone|with [\d,]+ others? in one write: records [\d,]+ to [\d,]+ of part-.+\.csv/,
    );
    await page.context().close();
  });

  test('tells when a record came again that nothing had changed of', async () => {
    // The overlap of incremental polls brings a record that has just changed more than once.
    const { customers } = await crm.records();
    const page = await open('/trace?dataset=customers&key=nobody');
    await expect
      .poll(
        async () => {
          const record = { ...customers[11], phone: String(Math.random()), updatedAt: new Date().toISOString() };
          await fetch(`${crm.url}/admin/customers/${record.id}`, { method: 'PUT', body: JSON.stringify(record) });
          await visit(page, `/trace?dataset=customers&key=${encodeURIComponent(String(record.id))}`);
          return (await page.locator('.again').innerText()).replaceAll(/\s+/g, ' ');
        },
        { timeout: 30_000, interval: 2_000 },
      )
      .toMatch(/Seen again [-\d]+ [:\d]+: a duplicate \(the same content\), dropped by .+ go back to [-\d]+ [:\d]+/);
    await page.context().close();
  });

  test('filters, sorts and facets by links that can be kept', async () => {
    const page = await open('/data/inventory');
    await page.getByText('Filters', { exact: true }).click();
    const chip = page.locator('.facet .chip').first();
    await chip.click();
    await page.locator('.active-filters .chip').waitFor();
    await page.getByRole('link', { name: 'price', exact: true }).click();
    await page.locator('th[aria-sort="ascending"]').waitFor();
    const kept = page.url();
    const prices = async (of: Page) => {
      await of.locator('th[aria-sort="ascending"]').waitFor();
      const index = await of
        .locator('thead th')
        .evaluateAll((heads) => heads.findIndex((head) => head.ariaSort !== null));
      const cells = await of.locator(`tbody tr > :nth-child(${index + 1})`).allInnerTexts();
      return cells.map(Number);
    };
    const shown = await prices(page);
    expect(shown).toEqual([...shown].sort((a, b) => a - b));
    const again = await open(kept.replace(url, ''));
    expect((await prices(again)).length).toBe(shown.length);
    await page.context().close();
    await again.context().close();
  });

  test('lets a person mend a record that broke at the CRM, replay it, and see it land', async () => {
    const { customers } = await crm.records();
    const broken = customers[3];
    const name = 'Mended by Hand';
    const record = {
      ...broken,
      name,
      lines: [{ sku: 'SKU-00001', quantity: 'two' }],
      updatedAt: new Date().toISOString(),
    };
    await fetch(`${crm.url}/admin/customers/${broken?.id}`, { method: 'PUT', body: JSON.stringify(record) });

    const page = await open('/');
    await page.locator('.tabs .alarm').filter({ hasText: /\d/ }).waitFor({ timeout: 30_000 });
    await page
      .getByText(/among the dead letters/)
      .first()
      .waitFor();
    await page
      .getByRole('link', { name: /Dead letters/ })
      .first()
      .click();
    await page
      .getByRole('link', { name: String(broken?.id) })
      .first()
      .click();
    await page.getByText('is "two": expected a whole number').first().waitFor();

    const editor = page.getByRole('textbox', { name: /Payload/ });
    const payload = await editor.inputValue();
    await editor.fill(payload.replace('"two"', '2.5'));
    await page
      .getByText(/✕ .*is 2.5: expected a whole number/)
      .first()
      .waitFor();
    await editor.fill(payload.replace('"two"', '2'));
    await page.getByText('✓ Valid').first().waitFor();
    await page.getByRole('button', { name: 'Replay with changes', exact: true }).click();
    await page.getByLabel('Token', { exact: true }).fill(TOKEN);
    await page.locator('dialog').getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.locator('.account', { hasText: 'anna · admin' }).waitFor();
    await page.getByRole('heading', { name: 'Dead letters', exact: true }).waitFor();

    const table = await open(`/data/customers?search=${encodeURIComponent(name)}`);
    await expect.poll(() => table.locator('.rows tbody tr').count()).toBe(1);
    const log = (await readFile(stage.path('audit.jsonl'), 'utf8')).split('\n').filter(Boolean);
    expect(log.map((line) => JSON.parse(line) as { who: string; step: string })).toMatchObject([
      { who: 'anna', step: 'begun', action: 'replay' },
      { who: 'anna', step: 'letter', key: broken?.id },
      { who: 'anna', step: 'done', done: 1 },
    ]);
    await visit(page, '/audit');
    await page.getByRole('cell', { name: 'anna admin' }).first().waitFor();

    // Who has signed in can make the CRM's prices jump, and see that come.
    await visit(page, '/');
    await page.getByRole('button', { name: 'Run now' }).first().waitFor();
    await page.getByRole('button', { name: 'Every price rises by half', exact: true }).click();
    await page.getByText('Every price rises by half: started.', { exact: true }).first().waitFor();
    await page.context().close();
    await table.context().close();
  });

  test('shows an admin the rows of an API that they paste, and the pipeline file, and keeps no secret', async () => {
    const page = await open('/sources', { viewport: SIZES[0], bypassCSP: true });
    await page.locator('.empty').getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByLabel('Token', { exact: true }).fill(TOKEN);
    await page.locator('dialog').getByRole('button', { name: 'Sign in', exact: true }).click();
    const secret = 'sk_live_0123456789abcdef';
    await page
      .getByLabel('URL or curl line', { exact: true })
      .fill(`curl "${crm.url}/customers?limit=10" -H "Authorization: Bearer ${secret}"`);
    await page.getByRole('button', { name: 'Look at it', exact: true }).click();
    const file = page.locator('.found pre');
    await file.waitFor({ timeout: 60_000 });
    expect(await file.innerText()).toContain('key: id');
    expect(await file.innerText()).not.toContain(secret);
    await page.getByRole('region', { name: 'Rows of customers', exact: true }).locator('tbody tr').first().waitFor();
    await page.evaluate(axe);
    const violations = (await page.evaluate('axe.run().then((found) => found.violations)')) as Violation[];
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target)])).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
    expect(await readFile(stage.path('audit.jsonl'), 'utf8')).not.toContain(secret);
    await page.context().close();
  }, 120_000);

  test('shows times as they are here, or in UTC, and remembers which', async () => {
    const page = await open('/trace?dataset=customers&key=C-000001', { timezoneId: 'Asia/Tokyo' });
    const time = page.locator('.version time').last();
    const moment = new Date((await time.getAttribute('datetime')) ?? '');
    const shown = (of: Date) => of.toISOString().slice(0, 19).replace('T', ' ');
    expect(await time.innerText()).toBe(shown(new Date(moment.getTime() + 9 * 3_600_000)));
    await page.getByRole('button', { name: 'Times in Asia/Tokyo', exact: true }).click();
    await expect.poll(() => time.innerText()).toBe(shown(moment));
    await visit(page, '/trace?dataset=customers&key=C-000001');
    await page.getByRole('button', { name: 'Times in UTC', exact: true }).waitFor();
    await expect.poll(() => time.innerText()).toBe(shown(moment));
    await page.context().close();
  });

  test('can be used by keyboard alone', async () => {
    const page = await open('/');
    // The program of the page is imported: the browser says that all is loaded before it hears keys.
    await page.getByText('Live', { exact: true }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('d');
    await page.getByRole('heading', { name: 'Datasets', exact: true }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('l');
    await page.getByRole('heading', { name: 'Dead letters', exact: true }).waitFor();
    await visit(page, '/data/inventory');
    await page.locator('.rows tbody button').first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.locator('dialog[open]').waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.locator('dialog').count()).toBe(0);
    await page.context().close();
  });

  describe.each(SIZES.flatMap((viewport) => SCHEMES.map((colorScheme) => ({ viewport, colorScheme }))))(
    'at $viewport.width px, $colorScheme',
    ({ viewport, colorScheme }) => {
      test('has nothing that axe objects to, and nothing that hangs over the edge', async () => {
        const letters = (await (await fetch(`${url}/api/dead-letters`)).json()) as { letters: { id: string }[] };
        const [letter] = letters.letters;
        const places = [
          ['/', '.chart canvas'],
          ['/data', '.card'],
          ['/data/customers', '.rows tbody tr'],
          ['/data/customers?search=nobody+has+this', '.empty'],
          ['/data/nope', '.empty'],
          ['/trace?dataset=customers&key=C-000001', '.version'],
          ['/dead-letters', '.letter, .empty'],
          ['/audit', 'table'],
          ['/sources', '.empty'],
          ...(letter === undefined ? [] : [[`/dead-letters/${letter.id}`, '.editor']]),
        ];
        // axe is put in from outside, which the page's own policy would refuse.
        const page = await open('/', { viewport, colorScheme, bypassCSP: true });
        for (const [path = '', ready = ''] of places) {
          await visit(page, path);
          await page.locator(ready).first().waitFor();
          await page.evaluate(axe);
          const violations = (await page.evaluate(
            'axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }).then((found) => found.violations)',
          )) as Violation[];
          const found = violations.flatMap(({ id, nodes }) =>
            nodes.map(({ target, failureSummary }) => `${path}: ${id} at ${target.join(' ')}: ${failureSummary}`),
          );
          expect(found).toEqual([]);
          const over = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
          expect([path, over]).toEqual([path, 0]);
        }
        await page.context().close();
      }, 120_000);
    },
  );

  test('has made no browser complain', () => {
    // A dataset that does not exist was asked for on purpose, once at each size and in each scheme.
    expect(complaints.filter((complaint) => !complaint.includes('404'))).toEqual([]);
    expect(complaints.length).toBeLessThanOrEqual(SIZES.length * SCHEMES.length);
  });
});
