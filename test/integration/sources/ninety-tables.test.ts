import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, parsePipeline } from '@tributary/shared';
import { expect, inject, onTestFinished, test } from 'vitest';
import { createConsumer } from '../../../consumer/src/service.js';
import { createProducer } from '../../../producer/src/service.js';
import { eventually } from '../../end-to-end/support/eventually.js';
import { readRows } from '../../end-to-end/support/output.js';
import { removeAtEnd } from '../../end-to-end/support/servers.js';
import { uniqueName } from '../../services/handle.js';
import { startCuttableWay } from '../cuttable-way.js';
import { type BankDatabase, bankDatabases, mariadbServer, postgresServer } from './bank.js';

const COUNT = 90;
/** Connections that the pipeline file gives to each host. */
const CONNECTIONS = 3;
/** Those that each server gives: on a busy machine it may still count one that has just ended. */
const GIVEN = CONNECTIONS + 1;
/** Milliseconds. */
const LONG = 120_000;
/** Rows of the table that is large. */
const LARGE = 3_000;

/** How often endpoints are polled by their priority, as the bank does. */
const CLASSES = [
  { priority: 'critical', every: '5s' },
  { priority: 'high', every: '10s' },
  { priority: 'normal', every: '20s' },
  { priority: 'low', every: '30s' },
] as const;

interface Account {
  readonly id: string;
  readonly bank: BankDatabase;
  readonly priority: string;
  readonly every: string;
}

/** Rows as they are to land, by key. */
class Bookings {
  readonly keys: string[] = [];
  #next = 1;

  /** Books rows to each of these accounts. */
  async book(accounts: readonly Account[], count: number): Promise<void> {
    const first = this.#next;
    this.#next += count;
    const ids = Array.from({ length: count }, (_, n) => first + n);
    for (const bank of new Set(accounts.map((account) => account.bank))) {
      const its = accounts.filter((account) => account.bank === bank);
      const statements = its.map(({ id }) => {
        const values = ids.map((n) => `(${n}, '${id}', ${n}.25)`).join(', ');
        return `INSERT INTO ${id} (id, account, amount) VALUES ${values}`;
      });
      await bank.run(...statements);
      this.keys.push(...its.flatMap(({ id }) => ids.map((n) => keyOf(id, n))));
    }
  }
}

const keyOf = (account: string, id: number): string => JSON.stringify([account, String(id)]);

test('ninety tables of four databases land exactly once, within the connections that each server gives, and a database that hangs delays no other', async () => {
  const postgres = await bankDatabases(postgresServer(inject('postgresUrl')), 1, GIVEN);
  const hanging = await bankDatabases(postgresServer(inject('postgresUrl')), 1, GIVEN);
  // Two databases of one server, which gives the connections to both together.
  const mariadb = await bankDatabases(mariadbServer(inject('mariadbUrl')), 2, GIVEN);
  const banks = [...hanging, ...postgres, ...mariadb];
  const [hangs] = banks;
  const way = await startCuttableWay(hangs?.url ?? '');
  const accounts = Array.from({ length: COUNT }, (_, n): Account => {
    const bank = banks[n % banks.length];
    const one = CLASSES[Math.floor(n / banks.length) % CLASSES.length];
    if (bank === undefined || one === undefined) throw new Error('there is no such bank');
    return { id: `account_${n}`, bank, ...one };
  });
  for (const bank of banks) {
    await bank.run(...accounts.flatMap(({ id, bank: its }) => (its === bank ? bank.table(id).split('; ') : [])));
  }
  const bookings = new Bookings();
  await bookings.book(accounts, 10);
  const large = accounts.findLast(({ bank, priority }) => bank === postgres[0] && priority === 'low');
  await bookings.book(large === undefined ? [] : [large], LARGE);

  const name = uniqueName('bank');
  const queue = `${name}.bookings`;
  const output = mkdtempSync(join(tmpdir(), 'tributary-bank-'));
  onTestFinished(() => rmSync(output, { recursive: true, force: true, maxRetries: 5 }));
  const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };
  removeAtEnd({ atEnd: (_what, release) => onTestFinished(async () => void (await release())) }, servers, name, [
    queue,
  ]);
  const urlOf = ({ bank }: Account) => (bank === hangs ? way.url : bank.url);
  const pipeline = {
    name,
    entities: {
      booking: {
        dataset: 'bookings',
        queue,
        key: ['account', 'id'],
        version: 'updated_at',
        fields: { account: 'string', id: 'integer', amount: 'decimal', updated_at: 'datetime' },
      },
    },
    endpoints: Object.fromEntries(
      accounts.map((account) => [
        account.id,
        {
          source: 'sql',
          url: urlOf(account),
          table: account.id,
          entity: 'booking',
          chunk: 500,
          priority: account.priority,
          schedule: { every: account.every },
          connectTimeout: '60s',
          retryDelay: '500ms',
          circuit: { failures: 100 },
        },
      ]),
    ),
    limits: { perHost: { concurrency: CONNECTIONS } },
    batch: { size: 500, interval: '300ms' },
    sink: { type: 'csv', csv: { directory: output } },
  };
  const log = createLogger({ service: 'bank', instance: 'bank', level: process.env.LOG_LEVEL ?? 'silent' });
  const settings = {
    config: parsePipeline(JSON.stringify(pipeline), {}, 'bank.yaml'),
    ...servers,
    log,
    port: 0,
    host: '127.0.0.1',
  };
  const consumer = createConsumer({ ...settings, instance: 'consumer' });
  const producer = createProducer({ ...settings, instance: 'producer', schedule: true });
  onTestFinished(async () => {
    way.cut();
    await producer.stop();
    await consumer.stop();
  });
  await consumer.start();
  await producer.start();

  const landed = async () =>
    (await readRows(output, 'bookings')).map(({ cells }) => keyOf(cells.account ?? '', Number(cells.id)));
  /** Waits until every row has landed once, but for those of these accounts. */
  const land = (without: readonly string[] = []) =>
    eventually(
      async () => {
        const expected = bookings.keys.filter((key) => !without.includes(key));
        expect((await landed()).toSorted()).toEqual(expected.toSorted());
      },
      500,
      LONG,
    );
  await land();

  // Its three connections wait for answers from now on, and so do those that are made anew.
  way.hang();
  const soon = accounts.filter(({ priority }) => priority === 'critical' || priority === 'high');
  await bookings.book(soon, 5);
  const silent = soon.filter(({ bank }) => bank === hangs).map(({ id }) => keyOf(id, 0).split(',')[0] ?? '');
  const booked = bookings.keys.slice(-5 * soon.length);
  await land(booked.filter((key) => silent.some((account) => key.startsWith(`${account},`))));

  way.cut();
  way.open();
  await land();

  const metrics = await (await fetch(`${producer.url}/metrics`)).text();
  const retried = [...metrics.matchAll(/^tributary_poll_retries_total\{.*endpoint="(account_\d+)".*\} [1-9]/gm)];
  const others = accounts.filter(({ bank }) => bank !== hangs).map(({ id }) => id);
  expect(retried.map(([, id]) => id).filter((id) => others.includes(id ?? ''))).toEqual([]);
}, 420_000);
