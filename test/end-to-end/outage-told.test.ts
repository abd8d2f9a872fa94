import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startChromium } from '../services/chromium.js';
import { uniqueName } from '../services/handle.js';
import { eventually } from './support/eventually.js';
import { readMetrics } from './support/metrics.js';
import { type RecordsApi, startRecordsApi } from './support/records-api.js';
import { removeAtEnd } from './support/servers.js';
import { type RunningService, startService, untilReady } from './support/services.js';
import { useStage } from './support/stage.js';

const stage = useStage();
const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };

interface Flow {
  readonly endpoints: readonly {
    readonly id: string;
    readonly retrying: { readonly attempts: number; readonly reason: string } | null;
  }[];
  readonly problems: readonly string[];
}
interface Status {
  readonly retrying: readonly { readonly endpoint: string; readonly attempts: number }[];
}

describe('an API that fails while it is polled', () => {
  const name = uniqueName('outage');
  let api: RecordsApi;
  let producers: RunningService[];
  let dashboard: RunningService;
  let browser: Browser;

  beforeAll(async () => {
    api = await startRecordsApi(stage, { one: [], two: [] });
    const endpoint = (id: string) =>
      `{ url: "${api.url}/${id}", entity: thing, schedule: { every: 1s }, retries: 10, retryDelay: 1s }`;
    const file = stage.write(
      'pipeline.yaml',
      `name: ${name}
entities: { thing: { dataset: things, queue: ${name}_things, key: id, fields: { id: string } } }
endpoints:
  one: ${endpoint('one')}
  two: ${endpoint('two')}
sink: { type: csv, csv: { directory: ${JSON.stringify(stage.path('output'))} } }
`,
    );
    removeAtEnd(stage, servers, name, [`${name}_things`]);
    const env = { AMQP_URL: servers.amqpUrl, REDIS_URL: servers.redisUrl, PIPELINE: file };
    // Each polls one of the two endpoints, so that no producer knows of all.
    producers = await Promise.all(
      ['a', 'b'].map((instance) => startService(stage, 'producer', { ...env, INSTANCE_ID: instance })),
    );
    const urls = producers.map(({ url }) => url).join(',');
    dashboard = await startService(stage, 'dashboard', { ...env, PRODUCER_URL: urls, AUDIT_LOG: stage.path('audit') });
    await Promise.all(producers.map(untilReady));
    browser = await startChromium();
  });
  afterAll(() => browser?.close());

  const flow = async () => (await (await fetch(`${dashboard.url}/api/flow`)).json()) as Flow;
  const problemsOf = async (id: string) => (await flow()).problems.filter((problem) => problem.startsWith(`${id}: `));

  test.each(['one', 'two'])(
    'is told within seconds in status, metrics and on the page, until it answers: %s',
    async (id) => {
      await eventually(async () => expect(api.asked.filter((path) => path === `/${id}`).length).toBeGreaterThan(1));
      expect(await problemsOf(id)).toEqual([]);
      api.fails.add(id);
      const attempts = async () => {
        const all = await Promise.all(producers.map(({ url }) => readMetrics(url)));
        return all.reduce((sum, metrics) => sum + metrics.sum('tributary_poll_retrying_attempts', { endpoint: id }), 0);
      };
      const page = await browser.newPage();
      await page.goto(dashboard.url);
      await page
        .locator('.troubles li', { hasText: new RegExp(`^${id}: the API does not answer as it should`) })
        .waitFor({ timeout: 30_000 });
      expect(await page.locator('.node', { hasText: id }).first().innerText()).toMatch(
        /no answer\s+\d+ attempts? failed\s+again/,
      );
      await eventually(async () => expect(await attempts()).toBeGreaterThan(1));
      const told = (await flow()).endpoints.find((endpoint) => endpoint.id === id)?.retrying;
      expect(told?.reason).toContain(`GET ${api.url}/${id}: answered 500`);
      expect(told?.attempts).toBeGreaterThan(0);
      expect(await problemsOf(id)).toEqual([
        expect.stringMatching(
          /for \d+ s now\. \d+ attempts? failed: page 1, GET .*answered 500.*It is asked again, and nothing is lost\.$/,
        ),
      ]);
      const statuses = await Promise.all(
        producers.map(async ({ url }) => (await (await fetch(`${url}/status`)).json()) as Status),
      );
      expect(statuses.flatMap(({ retrying }) => retrying)).toMatchObject([{ endpoint: id }]);

      api.fails.delete(id);
      await eventually(async () => expect(await problemsOf(id)).toEqual([]));
      expect(await attempts()).toBe(0);
      await eventually(async () => expect(await page.locator('.troubles').innerText()).not.toContain(`${id}:`));
      await page.close();
    },
  );
});
