import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDashboard, type Dashboard } from '@tributary/dashboard';
import { applyTopology, createLogger, DEAD_LETTER_HEADERS, parsePipeline, topologyOf } from '@tributary/shared';
import { AmqpServer } from 'amqp-emulator';
import { type ChannelModel, connect } from 'amqplib';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../services/chromium.js';
import { expectUsable, LOOKS, openPage } from './support/browsed.js';
import { eventually } from './support/eventually.js';

const TOKEN = 'anna-who-is-an-admin-1';
const QUEUE = 'failures_customer';
const PIPELINE = `
name: failures
entities:
  customer:
    dataset: customers
    queue: ${QUEUE}
    key: id
    fields: { id: string, age: integer, note: string? }
endpoints:
  crm: { url: "http://127.0.0.1:1/customers", entity: customer }
  shop: { url: "http://127.0.0.1:1/buyers", entity: customer }
`;

describe('records that could not be written, in a browser', () => {
  const broker = new AmqpServer();
  const complaints: string[] = [];
  let folder: string;
  let file: string;
  let text: string;
  let connection: ChannelModel;
  let dashboard: Dashboard;
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'failures-'));
    const { url } = await broker.listen(0, '127.0.0.1');
    file = join(folder, 'pipeline.yaml');
    text = `${PIPELINE}\nsink: { type: csv, csv: { directory: ${folder} } }\n`;
    await writeFile(file, text);
    const config = parsePipeline(text, {}, file);
    connection = await connect(url);
    const channel = await connection.createConfirmChannel();
    await applyTopology(channel, topologyOf(config));
    const bury = (index: number, record: unknown, endpoint: string, code: string, field: string | undefined) =>
      channel.publish('failures.dead', QUEUE, Buffer.from(JSON.stringify(record)), {
        persistent: true,
        messageId: `message-${index}`,
        type: 'customer',
        headers: {
          endpoint,
          key: `c-${index}`,
          version: 'v1',
          run: 3,
          fetchedAt: '2026-01-05T10:00:00.000Z',
          [DEAD_LETTER_HEADERS.code]: code,
          [DEAD_LETTER_HEADERS.reason]: `customer c-${index}: ${field === undefined ? 'the record' : `field "${field}"`} is not what was expected`,
          ...(field !== undefined && { [DEAD_LETTER_HEADERS.field]: field }),
          [DEAD_LETTER_HEADERS.queue]: QUEUE,
          [DEAD_LETTER_HEADERS.deadAt]: new Date(Date.UTC(2026, 0, 5, 11) + index).toISOString(),
        },
      });
    for (let index = 0; index < 12; index++) {
      bury(index, { id: `c-${index}`, age: index < 9 ? `${index} years` : 'old' }, 'crm', 'field_invalid', 'age');
    }
    for (let index = 12; index < 15; index++)
      bury(index, { id: `c-${index}`, age: 'x' }, 'shop', 'field_invalid', 'age');
    bury(15, 'no object', 'crm', 'not_an_object', undefined);
    await channel.waitForConfirms();
    dashboard = createDashboard({
      config,
      source: { file, env: {} },
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log: createLogger({ service: 'dashboard', instance: 'test', level: 'silent' }),
      amqpUrl: url,
      tokens: { admin: `anna=${TOKEN}` },
      auditLog: join(folder, 'audit.jsonl'),
    });
    await dashboard.start();
    await eventually(async () => expect((await fetch(`${dashboard.url}/api/dead-letters`)).status).toBe(200));
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await dashboard?.stop();
    await connection?.close();
    await broker.close();
    await rm(folder, { recursive: true });
  });

  const open = (path: string, options: { token?: string } = {}) =>
    openPage(browser, `${dashboard.url}${path}`, { ...options, complaints });

  test.each(LOOKS)(
    'can be read at $viewport.width px, $colorScheme',
    async (look) => {
      const page = await openPage(browser, `${dashboard.url}/dead-letters`, { ...look, token: TOKEN, complaints });
      await page.locator('.group').first().waitFor();
      await expectUsable(page);
      await page.getByRole('button', { name: 'Mend…' }).first().click();
      await page.getByLabel('Expression', { exact: true }).fill('1');
      await page.getByRole('button', { name: 'Try', exact: true }).click();
      await page.locator('.mend-examples').waitFor();
      await expectUsable(page);
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.getByRole('button', { name: 'Redefine…' }).first().click();
      const definition = page.getByLabel('Definition of customer', { exact: true });
      await expect.poll(() => definition.inputValue()).toContain('age: integer');
      await definition.fill((await definition.inputValue()).replace('age: integer', 'age: string'));
      await page.getByRole('button', { name: 'Judge', exact: true }).click();
      await page.getByRole('region', { name: 'For the pipeline file' }).waitFor();
      await expectUsable(page);
      if (process.env.SHOTS !== undefined)
        await page.screenshot({ path: `${process.env.SHOTS}/define-${look.viewport.width}-${look.colorScheme}.png` });
      await page.context().close();
    },
    300_000,
  );

  test('are judged under another definition of their entity, which says what has to be done before they can be replayed', async () => {
    const page = await open('/dead-letters', { token: TOKEN });
    await page.getByRole('link', { name: 'Show these 12', exact: true }).click();
    await page.getByText('12 of 16 dead letters match').waitFor();
    await page.getByRole('button', { name: 'Redefine…' }).click();
    const definition = page.getByLabel('Definition of customer', { exact: true });
    // What runs, and what it says.
    await page.getByText('This is the definition that runs. 0 of 12 would pass now').waitFor();
    const running = await definition.inputValue();
    expect(running).toMatch(/^entities:\n {2}customer:\n/);
    const judge = page.getByRole('button', { name: 'Judge', exact: true });
    for (const [change, words] of [
      [['age: integer', 'age: whole'], 'The pipeline file would be refused with it: 1 fault.'],
      [[QUEUE, 'elsewhere'], 'would be left behind there'],
      [['key: id', 'key: [id'], 'The pipeline file would be refused with it'],
    ] as const) {
      await definition.fill(running.replace(change[0], change[1]));
      await judge.click();
      await page.getByText(words).first().waitFor();
    }
    // Without the names above it, as it stands in many a file.
    await definition.fill(`dataset: customers\nqueue: ${QUEUE}\nkey: id\nfields: { id: string, age: string }\n`);
    await judge.click();
    await page.getByText('12 of 12 would pass under this definition.').waitFor();
    await page.getByText(`Put this into ${file} in the place of what stands there`).waitFor();
    const yaml = await page.getByRole('region', { name: 'For the pipeline file' }).innerText();
    expect(await page.getByRole('button', { name: /^Replay 12/ }).count()).toBe(0);
    // A person puts it there.
    const asked = parsePipeline(text.replace('age: integer, note: string?', 'age: string'), {}, file).entities;
    await writeFile(file, text.replace(/entities:.*(?=endpoints:)/s, yaml));
    expect(parsePipeline(await readFile(file, 'utf8'), {}, file).entities).toEqual(asked);
    await definition.press('End');
    await definition.pressSequentially(' ');
    await judge.click();
    await page.getByText('has this definition already, and this dashboard still runs with the one before').waitFor();
    await writeFile(file, text);
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    // As after the restart: what passes is judged anew when it is sent.
    await page.route('**/api/dead-letters/definition', async (route) => {
      const { found, ...rest } = await (await route.fetch()).json();
      const prospect = { ...found.prospect, passing: 12, staying: 0, faults: [] };
      await route.fulfill({ json: { ...rest, state: 'runs', found: { ...found, prospect } } });
    });
    await page.getByRole('button', { name: 'Redefine…' }).click();
    await page.getByRole('button', { name: 'Replay 12 dead letters', exact: true }).click();
    await page.getByText('12 dead letters stayed, because they would come back:').waitFor();
    await page.context().close();
  });

  test('are told by cause, and those of one cause are mended together once it is known how many would pass', async () => {
    const page = await open('/dead-letters', { token: TOKEN });
    await page.getByRole('heading', { name: '3 causes', exact: true }).waitFor();
    const counts = await page.locator('.group-count').allInnerTexts();
    expect(counts).toEqual(['12', '3', '1']);
    // None would pass as it is: the button says so, and cannot be pressed.
    const replay = page.getByRole('button', { name: 'Replay 0 of 16…' });
    expect(await replay.isDisabled()).toBe(true);
    expect(await replay.getAttribute('class')).not.toContain('primary');

    await page.getByRole('link', { name: 'Show these 12', exact: true }).click();
    await page.getByText('12 of 16 dead letters match').waitFor();
    await page.getByRole('heading', { name: '1 cause', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Mend…' }).click();
    expect(await page.getByLabel('Field', { exact: true }).inputValue()).toBe('age');

    const expression = page.getByLabel('Expression', { exact: true });
    const tryIt = page.getByRole('button', { name: 'Try', exact: true });
    await expression.fill('int(ages)');
    await tryIt.click();
    await page.getByText('Age: no field "ages"').waitFor();
    await expression.fill('int(age)');
    await tryIt.click();
    await page.getByText('0 of 12 would pass now').waitFor();
    await page
      .getByText(/the expression for "age" fails/)
      .first()
      .waitFor();
    await expression.fill('int(age.split(" ")[0])');
    await tryIt.click();
    await page.getByText('9 of 12 would pass now').waitFor();
    await page.getByRole('row', { name: 'c-0 {"age":"0 years"} {"age":0}', exact: true }).waitFor();
    const mend = page.getByRole('button', { name: 'Mend and replay 9 dead letters', exact: true });
    // What was tried is what is sent: after a change it has to be tried again.
    await expression.fill('int(age.split(" ")[1])');
    expect(await mend.isVisible()).toBe(false);
    await expression.fill('int(age.split(" ")[0])');
    await mend.click();
    await page.getByText('9 dead letters mended and replayed.').waitFor();
    await page.getByText('3 dead letters stayed, because they would come back:').waitFor();
    await page.getByText('3 of 7 dead letters match').waitFor();

    const channel = await connection.createChannel();
    const sent: unknown[] = [];
    for (let message = await channel.get(QUEUE); message !== false; message = await channel.get(QUEUE)) {
      sent.push(JSON.parse(message.content.toString()));
      channel.ack(message);
    }
    await channel.close();
    expect(sent).toEqual(Array.from({ length: 9 }, (_, index) => ({ id: `c-${index}`, age: index })));
    await page.context().close();
  });

  test('leave one line in the audit log for each action, which is filtered, opened and exported', async () => {
    const page = await open('/', { token: TOKEN });
    await page.getByRole('link', { name: 'Audit log', exact: true }).click();
    const row = page.getByRole('row', { name: /anna admin mend/ });
    await row.waitFor();
    expect(await page.locator('.audit tbody tr:not(.steps-of)').count()).toBe(2);
    await row.getByText(/code field_invalid, .*age = int\(age\.split/).waitFor();
    await row.getByText('9 records, 3 stayed').waitFor();
    await row.getByRole('button', { name: 'mend', exact: true }).click();
    await expect.poll(() => page.locator('.steps-of li').count()).toBe(11);
    await expectUsable(page);

    await page.getByLabel('Outcome', { exact: true }).selectOption('failed');
    await page.getByText('No action matches').waitFor();
    expect(new URL(page.url()).search).toBe('?outcome=failed');
    await page.getByRole('link', { name: 'Show all', exact: true }).click();
    await page.getByRole('searchbox').fill('nothing of the kind');
    await page.getByText('No action matches').waitFor();
    await page.getByRole('searchbox').fill('C-8 SPLIT');
    await row.waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'CSV', exact: true }).click(),
    ]);
    const lines = (await readFile(await download.path(), 'utf8')).trim().split('\r\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('at,ended_at,who,role,from,action,outcome,records,stayed');
    expect(lines[1]).toContain(',anna,admin,');
    await page.context().close();
  });

  test('have made no browser complain', () => expect(complaints.filter((one) => !one.includes('422'))).toEqual([]));
});
