import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDashboard, type Dashboard } from '@tributary/dashboard';
import { createLogger, parsePipeline, partsOf } from '@tributary/shared';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MEASURES } from '../../dashboard/src/flow/history.js';
import { startChromium } from '../services/chromium.js';
import { expectUsable, LOOKS, openPage } from './support/browsed.js';

const TOKEN = 'anna-who-is-an-admin-1';
const SECRET = 'a-secret-that-no-page-may-show-1';
const FAILING = 9;
/** As the pipeline file names the variable that holds the secret. */
const VARIABLE = `$${'{TOKEN}'}`;
const ids = Array.from({ length: 90 }, (_, index) => `shop-${String(index).padStart(2, '0')}`);
const hostOf = (index: number) => `api-${index % 6}.example.org`;

const endpoints = Object.fromEntries([
  ...ids.map((id, index) => [
    id,
    {
      url: `https://${hostOf(index)}/v1/orders?key=${VARIABLE}`,
      entity: 'order',
      auth: { type: 'bearer', token: VARIABLE },
      headers: { 'x-token': VARIABLE },
    },
  ]),
  [
    'ledger',
    {
      source: 'postgres-changes',
      url: `postgres://reader:${VARIABLE}@db.example.org:5432/books`,
      entity: 'booking',
      table: 'bookings',
      publication: 'books',
    },
  ],
]);
const FILE = JSON.stringify({
  name: 'shops',
  entities: {
    order: { dataset: 'orders', queue: 'shops_orders', key: 'id', fields: { id: 'string' } },
    booking: { dataset: 'bookings', queue: 'shops_bookings', key: 'id', fields: { id: 'string' } },
  },
  endpoints,
});

/** A point of the charts as the dashboard keeps it: 7 of each measure. */
const KEPT = MEASURES.map(() => 7);
const PARTS = partsOf(parsePipeline(FILE, { TOKEN: SECRET }, 'test.yaml'));

/** A producer as the dashboard sees it: what it says of its endpoints, and what it is told. */
class FakeProducer {
  readonly commands: string[] = [];
  run = 1;
  readonly #server = createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://producer');
    if (request.method === 'POST') {
      this.#take(request, `${pathname}${search}`);
      response.writeHead(202).end('{"accepted":true}');
    } else if (pathname === '/metrics') response.end(this.#metrics());
    else if (pathname.endsWith('/log')) response.end(JSON.stringify({ instance: 'p1', lines: this.#lines() }));
    else if (pathname === '/readyz') response.end('{"ready":true,"problems":[]}');
    else response.end(JSON.stringify(this.#endpoints()));
  });

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #take({ headers }: IncomingMessage, path: string): void {
    expect(headers.authorization).toBe('Bearer producer-token-123');
    this.commands.push(path);
    if (path.endsWith('/run')) this.run += 1;
  }

  #lines() {
    const text = `the poll failed: it answered "evil \u202egpj.exe" (run ${this.run})`;
    return [
      { at: '2026-01-05T00:00:00.000Z', level: 'info', text: 'polling goes on' },
      { at: '2026-01-05T00:00:01.000Z', level: 'warn', text },
    ];
  }

  #metrics(): string {
    const lines = [
      `tributary_pipeline_info{pipeline="shops",parts="${PARTS}",name="producer-of-berlin"} 1`,
      `tributary_poll_pages_total{endpoint="shop-20"} ${this.run * 3}`,
    ];
    return `${lines.join('\n')}\n`;
  }

  #endpoints() {
    const at = (seconds: number) => new Date(Date.UTC(2026, 0, 5) + seconds * 1_000).toISOString();
    const states = ids.map((endpoint, index) => {
      const isBad = index < FAILING;
      const lastRun = {
        startedAt: at(this.run * 60),
        endedAt: at(this.run * 60 + 2),
        records: 40,
        published: 7,
        ...(isBad && { error: `${hostOf(index)} answered 503` }),
      };
      return {
        endpoint,
        state: isBad ? 'failing' : 'waiting',
        producer: 'p1',
        run: this.run,
        lastRun,
        nextRun: new Date(Date.now() + 60_000).toISOString(),
        failures: isBad ? 2 : 0,
        cursor: '2026-01-04T00:00:00Z',
      };
    });
    const stream = { phase: 'streaming', lagBytes: 0, lagSeconds: 0 };
    const ledger = { endpoint: 'ledger', state: 'polling', lastRun: null, nextRun: null, failures: 0, stream };
    return [...states, { ...ledger, checkpoints: [{ name: '0/16B3748', at: at(0) }] }];
  }
}

describe('endpoints in a browser', () => {
  const producer = new FakeProducer();
  const complaints: string[] = [];
  let folder: string;
  let producerUrl: string;
  let dashboard: Dashboard;
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'endpoints-'));
    producerUrl = await producer.start();
    dashboard = createDashboard(options());
    await dashboard.start();
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await dashboard?.stop();
    producer.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function options(): Parameters<typeof createDashboard>[0] {
    const file = FILE.replace(/}$/, `, "sink": { "type": "csv", "csv": { "directory": ${JSON.stringify(folder)} } } }`);
    return {
      config: parsePipeline(file, { TOKEN: SECRET }, 'test.yaml'),
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log: createLogger({ service: 'dashboard', instance: 'test', level: 'silent' }),
      tokens: { admin: `anna=${TOKEN}` },
      producerToken: 'producer-token-123',
      services: () => ({ producers: [producerUrl], consumers: [] }),
      auditLog: join(folder, 'audit.jsonl'),
      keepIn: folder,
    };
  }

  const open = (path: string, options: { token?: string } = {}) =>
    openPage(browser, `${dashboard.url}${path}`, { ...options, complaints });

  test.each(LOOKS)(
    'can be read at $viewport.width px, $colorScheme',
    async (look) => {
      const page = await openPage(browser, `${dashboard.url}/endpoints?state=failing`, {
        ...look,
        token: TOKEN,
        complaints,
      });
      await page.locator('.endpoint-state[data-state="bad"]').first().waitFor();
      await expectUsable(page);
      for (const [path, ready] of [
        ['/endpoints/shop-00', '.runs tbody tr'],
        ['/endpoints/ledger', '.empty'],
      ] as const) {
        await page.goto(`${dashboard.url}${path}`);
        await page.locator(ready).first().waitFor();
        await expectUsable(page);
      }
      await page.context().close();
    },
    300_000,
  );

  test('fit into one picture of what flows: by host, nine failures in nine lines', async () => {
    const page = await open('/');
    await page.getByText(`${FAILING} problems`, { exact: true }).waitFor();
    const lines = page.locator('.troubles li');
    expect(await lines.count()).toBe(FAILING);
    for (const line of await lines.all()) expect((await line.boundingBox())?.height).toBeLessThan(30);
    const sources = page.locator('.stage').first().locator('.node');
    expect(await sources.count()).toBe(7);
    const path = await page.locator('.path').boundingBox();
    expect((path?.y ?? 0) + (path?.height ?? 900)).toBeLessThan(900);
    await page.getByRole('heading', { name: 'Sources', exact: true }).waitFor();
    await expectUsable(page);
    await page.getByRole('link', { name: 'api-5.example.org', exact: true }).click();
    await page.getByText('15 of 91 endpoints', { exact: true }).waitFor();
    await page.context().close();
  }, 300_000);

  test('are listed by host, those that fail first, and found by name, host and reason', async () => {
    const page = await open('/endpoints');
    await page.getByText('91 endpoints', { exact: true }).waitFor();
    await page.locator('.chip', { hasText: `failing ${FAILING}` }).waitFor();
    const first = page.locator('.endpoint-group').first();
    await first.getByText('15 endpoints, 2 failing').waitFor();
    expect(await first.locator('.endpoint-name').first().innerText()).toBe('shop-00');
    await page.locator('.chip', { hasText: `failing ${FAILING}` }).click();
    await page.getByText(`${FAILING} of 91 endpoints`, { exact: true }).waitFor();
    await expect.poll(() => page.locator('.endpoint-row').count()).toBe(FAILING);
    expect(new URL(page.url()).search).toBe('?state=failing');
    await page.getByRole('searchbox').fill('API-3 503');
    await page.getByText('1 of 91 endpoints', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'shop-03', exact: true }).click();
    await page.getByRole('heading', { name: /^shop-03/ }).waitFor();
    await page
      .getByText(/the last 2 polls failed: api-3.example.org answered 503/i)
      .first()
      .waitFor();
    await page.context().close();
  });

  test('have a page with what they are, their runs and their place, and show no secret', async () => {
    const page = await open('/endpoints/shop-20', { token: TOKEN });
    await page.getByText('2026-01-04T00:00:00Z', { exact: true }).waitFor();
    await page.getByText('https://api-2.example.org/v1/orders', { exact: true }).waitFor();
    await page.getByText('bearer', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Run now', exact: true }).click();
    await page.getByText('run is accepted', { exact: true }).waitFor();
    await expect.poll(() => page.locator('.runs tbody tr').count()).toBe(2);
    expect((await page.locator('.runs tbody tr').first().innerText()).replaceAll(/\s+/g, ' ')).toMatch(
      /2\.0 s 40 3 0 7 done$/,
    );
    await page.getByRole('button', { name: 'Bring again…', exact: true }).click();
    await page.getByLabel('From', { exact: true }).selectOption('since');
    await page.getByLabel('Version', { exact: true }).fill('2026-01-01');
    await page.locator('dialog').getByRole('button', { name: 'Bring again', exact: true }).click();
    await page.getByText('reset is accepted', { exact: true }).waitFor();
    expect(producer.commands).toEqual(['/endpoints/shop-20/run', '/endpoints/shop-20/reset?since=2026-01-01']);
    const audit = await readFile(join(folder, 'audit.jsonl'), 'utf8');
    expect(audit).toContain('"action":"reset"');

    for (const id of ['shop-20', 'ledger']) {
      const answer = await (await fetch(`${dashboard.url}/api/endpoints/${id}`)).text();
      expect(answer).not.toContain(SECRET);
    }
    expect(await page.content()).not.toContain(SECRET);
    await page.context().close();
  });

  test('that follow a database say what they do instead of a next run, and where they can go back to', async () => {
    const page = await open('/endpoints/ledger', { token: TOKEN });
    await page.getByText('follows each change as it is committed: there is no next run').waitFor();
    await page.getByText('up to date', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Bring again…', exact: true }).click();
    await page.getByLabel('From', { exact: true }).selectOption('0/16B3748');
    await page.locator('dialog').getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.context().close();
  });

  test('show what producers log of them as it comes, and their runs on a line of time', async () => {
    const page = await open('/endpoints/shop-20');
    const log = page.getByRole('region', { name: 'Log lines' });
    await log.getByText(/^the poll failed: it answered "evil ⟨U\+202E⟩gpj\.exe" \(run \d+\)$/).waitFor();
    expect(await log.locator('li').last().innerText()).toContain('info polling goes on');
    await page.getByRole('img', { name: /runs? from .* 0 of them failed/ }).waitFor();
    producer.run += 1;
    await log.getByText(`(run ${producer.run})`).waitFor();
    await page.context().close();
  });

  test('keep their runs over a restart of the dashboard', async () => {
    const runsOf = async () => {
      const answer = await fetch(`${dashboard.url}/api/endpoints/shop-21`);
      return ((await answer.json()) as { runs: unknown[] }).runs;
    };
    await expect.poll(async () => (await runsOf()).length).toBeGreaterThan(1);
    const before = await runsOf();
    await dashboard.stop();
    dashboard = createDashboard(options());
    await dashboard.start();
    await expect.poll(runsOf).toEqual(expect.arrayContaining(before));
  });

  test('are polled by an instance with a name', async () => {
    const page = await open('/');
    const node = page.locator('.node', { hasText: 'producer-of-berlin' });
    await node.waitFor();
    await page.context().close();
  });

  test('are charted over the last hour, day and month, and a stretch that is dragged over is shown larger', async () => {
    const file = `${JSON.stringify({ span: 'day', at: Date.now() - 7_200_000, values: KEPT })}\n${JSON.stringify({ span: 'day', at: Date.now() - 3_600_000, values: KEPT })}\n`;
    await dashboard.stop();
    await writeFile(join(folder, 'flow-shops.jsonl'), file);
    dashboard = createDashboard(options());
    await dashboard.start();
    const page = await open('/');
    const written = page.getByRole('img', { name: /^Written in/ });
    await page.getByRole('img', { name: /^Written in the last hour/ }).waitFor();
    await page.getByRole('button', { name: 'Day', exact: true }).click();
    await page.getByRole('img', { name: /^Written in the last day: now 7\.0\/s/ }).waitFor();
    await written.scrollIntoViewIfNeeded();
    const box = await written.boundingBox();
    if (box === null) throw new Error('the chart is not shown');
    await page.mouse.move(box.x + box.width * 0.5, box.y + 30);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.8, box.y + 30, { steps: 5 });
    await page.mouse.up();
    const whole = page.getByRole('button', { name: 'Show the whole', exact: true });
    await whole.click();
    expect(await whole.isVisible()).toBe(false);
    await page.getByRole('button', { name: '30 days', exact: true }).click();
    await page.getByText('Nothing is known of it yet').waitFor();
    await expectUsable(page);
    await page.context().close();
  });

  test('that are not there are told in words', async () => {
    const page = await open('/endpoints/nothing');
    await page.getByText('There is no endpoint "nothing".').waitFor();
    await page.context().close();
  });

  test('have made no browser complain', () => expect(complaints.filter((one) => !one.includes('404'))).toEqual([]));
});
