import { statSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../services/ports.js';
import { family, untilGone } from '../services/processes.js';
import { Crm, startCrm } from './support/crm.js';
import { eventually } from './support/eventually.js';
import { type ExpectedRows, expectedRows } from './support/join.js';
import { countExpected, countRows, expectNewest, expectNoDuplicates, readDemoRows } from './support/landed.js';
import { runOnce } from './support/once.js';
import { partsOf } from './support/output.js';
import type { Program } from './support/program.js';
import { useStage } from './support/stage.js';

const stage = useStage();

/** Runs `npm start`, and waits until it says that it runs. */
async function start(output: string, env: Readonly<Record<string, string>>) {
  const program = stage.start('tributary', { args: ['--output', output], env });
  const told = (what: RegExp) => {
    const found = what.exec(program.stdout)?.[1];
    if (found === undefined) throw new Error(`npm start has not said ${what}: ${program.stdout}`);
    return found;
  };
  await program.orEnd(eventually(() => told(/(Stop with Ctrl-C)/)));
  return { program, crm: new Crm(told(/CRM to poll +(http:\S+)/)), dashboard: told(/dashboard +(http:\S+)/) };
}

describe('npm start, while the CRM changes', () => {
  const output = stage.path('output');
  let program: Program;
  let crm: Crm;
  let dashboard: string;
  let expected: ExpectedRows;

  beforeAll(async () => {
    ({ program, crm, dashboard } = await start(output, {
      POLL_INTERVAL: '1s',
      BATCH_INTERVAL: '1s',
      MOCK_CHANGES_PER_SECOND: '20',
    }));
  });

  test('says what runs, where the dashboard and the files are, and that queues live in memory', () => {
    const { stdout } = program;
    for (const said of ['Tributary is running', 'crm-customers', 'crm-products', '10 records', '1 s']) {
      expect(stdout).toContain(said);
    }
    expect(stdout).toContain(`output        ${output}  (CSV)`);
    expect(stdout).toContain('Queues live in memory here');
    expect(stdout).toContain('set AMQP_URL and REDIS_URL');
    expect(stdout).toMatch(/consumer +http:\/\/127\.0\.0\.1:\d+\n/);
    expect(dashboard).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  test('says where the producer is, and how it is asked', async () => {
    const [, address = '', command] = /producer +(http:\S+) {2}\(asked by: (.+)\)/.exec(program.stdout) ?? [];
    expect(command).toMatch(/^(PRODUCER_URL=http:\S+ )?npm run endpoints -- list$/);
    const endpoints = (await (await fetch(new URL('/endpoints', address))).json()) as { endpoint: string }[];
    expect(endpoints.map(({ endpoint }) => endpoint)).toEqual(['crm-customers', 'crm-products']);
  });

  test('shows what flows, in a line that grows', async () => {
    const published = () => [...program.stdout.matchAll(/published (\d+) \| accepted \d+/g)].map(([, count]) => count);
    await eventually(() => expect(new Set(published()).size).toBeGreaterThan(1));
    expect(Number(published().at(-1))).toBeGreaterThan(250);
  });

  test('lands every change of the CRM: the newest row of each key is its state there', async () => {
    // It has had time to change most of what there is.
    await eventually(async () => expect(countRows(await readDemoRows(output)).inventory).toBeGreaterThan(80), 300);
    await crm.pause();
    expected = expectedRows(await crm.records());
    expect(countExpected(expected)).toMatchObject({ customers: 200, inventory: 50 });
    await eventually(async () => expectNewest(await readDemoRows(output), expected), 300);
    expectNoDuplicates(await readDemoRows(output));
  });

  test('has a dashboard that shows the same', async () => {
    expect((await fetch(`${dashboard}/healthz`)).status).toBe(200);
    expect(await (await fetch(dashboard)).text()).toMatch(/^<!doctype html>/i);
    await eventually(async () => {
      const answer = (await (await fetch(`${dashboard}/api/datasets`)).json()) as {
        datasets: { name: string; keys: number; rows: number }[];
      };
      const shown = Object.fromEntries(answer.datasets.map(({ name, keys }) => [name, keys]));
      expect(shown).toEqual(countExpected(expected));
      const rows = Object.fromEntries(answer.datasets.map((dataset) => [dataset.name, dataset.rows]));
      expect(rows).toEqual(countRows(await readDemoRows(output)));
    });
    const [customer] = expected.customers.values();
    const found = await fetch(`${dashboard}/api/datasets/customers/rows?search=${customer?.values.id}`);
    expect(JSON.stringify(await found.json())).toContain(JSON.stringify(customer?.values.email));
  });

  test('stops at SIGTERM, with exit code 0 and every row whole', async () => {
    const before = countRows(await readDemoRows(output));
    const { code } = await program.stop();
    expect(code).toBe(0);
    const rows = await readDemoRows(output);
    expect(countRows(rows)).toEqual(before);
    expectNewest(rows, expected);
  });
});

test('npm start, killed three times in the middle: nothing of it stays running, and no row is lost, torn or doubled', async () => {
  const { crm } = await startCrm(stage, { MOCK_CHANGES_PER_SECOND: '50' });
  const output = stage.path('killed');
  const env = { CRM_URL: crm.url, POLL_INTERVAL: '500ms', BATCH_INTERVAL: '500ms' };
  const bytesOf = (dataset: string) =>
    partsOf(output, dataset).reduce((sum, part) => sum + statSync(`${output}/${dataset}/${part}`).size, 0);
  for (let kills = 0; kills < 3; kills++) {
    const before = bytesOf('customer_inventory');
    const program = stage.start('tributary', { args: ['--output', output], env });
    await program.orEnd(eventually(() => expect(bytesOf('customer_inventory')).toBeGreaterThan(before), 10));
    const all = family(program.pid);
    expect(all.length).toBeGreaterThan(1);
    program.signal('SIGKILL');
    await program.ended;
    await untilGone(all);
  }
  await crm.pause();
  const { code, summary } = await runOnce(stage, ['--output', output], { CRM_URL: crm.url });
  expect(code).toBe(0);
  expect(summary.polled).toBe(250);
  const rows = await readDemoRows(output);
  expectNewest(rows, expectedRows(await crm.records()));
  expectNoDuplicates(rows);
});

test('npm start with a broker and a Redis that are away says so, waits, and stops when it is asked to', async () => {
  const [broker, redis] = (await freePorts(2)).map((port) => `127.0.0.1:${port}`);
  const { program, dashboard } = await start(stage.path('waits'), {
    AMQP_URL: `amqp://user:secret@${broker}`,
    REDIS_URL: `redis://:secret@${redis}`,
  });
  await eventually(() => {
    expect(program.stderr).toMatch(new RegExp(`RabbitMQ cannot be reached.*amqp://${broker}.*ECONNREFUSED`));
    expect(program.stderr).toMatch(new RegExp(`Redis cannot be reached.*redis://${redis}.*ECONNREFUSED`));
  });
  expect(program.stdout).not.toContain('live in memory');
  expect((await fetch(`${dashboard}/healthz`)).status).toBe(200);
  const { code, stdout, stderr } = await program.stop();
  expect(code).toBe(0);
  expect(`${stdout}${stderr}`).not.toContain('secret');
});

// Both at once: each waits a while for the line that says how much is in flight.
test.concurrent.each(['SIGTERM', 'SIGINT'] as const)(
  '%s while a batch fills: what waits is written',
  async (signal) => {
    const output = stage.path(signal);
    const { program, crm } = await start(output, {
      BATCH_SIZE: '2000',
      BATCH_INTERVAL: '10m',
      MOCK_CHANGES_PER_SECOND: '0',
    });
    await eventually(() => expect(program.stdout).toContain('in flight 250'));
    expect(countRows(await readDemoRows(output))).toEqual({ customers: 0, inventory: 0, customer_inventory: 0 });
    const expected = expectedRows(await crm.records());

    const { code } = await program.stop(signal);
    expect(code).toBe(0);
    const rows = await readDemoRows(output);
    expect(countRows(rows)).toEqual(countExpected(expected));
    expectNewest(rows, expected);
  },
);
