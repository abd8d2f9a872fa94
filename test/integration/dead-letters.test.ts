import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createDashboard, type Dashboard, type DashboardOptions } from '@tributary/dashboard';
import {
  applyTopology,
  type Channel,
  type ConfirmChannel,
  createLogger,
  DEAD_LETTER_HEADERS,
  type PipelineConfig,
  parsePipeline,
  topologyOf,
} from '@tributary/shared';
import { AmqpServer } from 'amqp-emulator';
import { type ChannelModel, connect } from 'amqplib';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { uniqueName } from '../services/handle.js';
import { removeTopology } from './remove-topology.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const OPERATOR = 'operator-secret';
const ADMIN = 'admin-secret-1';

const pipelineFile = (name: string): string => `
name: ${name}
entities:
  customer: { dataset: customers, queue: ${name}_customer, key: id, fields: { id: string, age: integer, note: string? } }
  item: { dataset: items, queue: ${name}_item, key: sku, fields: { sku: string } }
endpoints:
  crm: { url: "http://127.0.0.1:1/customers", entity: customer }
`;
const pipeline = (name: string): PipelineConfig => parsePipeline(pipelineFile(name), {}, 'test.yaml');

/** The command as `tsc -b` built it. */
const CLI = fileURLToPath(new URL('../../tributary/dist/cli/main.js', import.meta.url));

const brokers = [
  { broker: 'RabbitMQ', start: async () => ({ url: inject('amqpUrl'), stop: async () => {} }) },
  {
    broker: "RabbitMQ's stand-in",
    start: async () => {
      const server = new AmqpServer();
      const { url } = await server.listen(0, '127.0.0.1');
      return { url, stop: () => server.close() };
    },
  },
];

describe.each(brokers)('dead letters on $broker', ({ start }) => {
  let server: { url: string; stop(): Promise<void> };
  let folder: string;
  let config: PipelineConfig;
  let connection: ChannelModel;
  let channel: ConfirmChannel;
  let dashboard: Dashboard;

  beforeEach(async () => {
    server = await start();
    folder = await mkdtemp(join(tmpdir(), 'dead-letters-'));
    config = pipeline(uniqueName('dead'));
    connection = await connect(server.url);
    channel = await connection.createConfirmChannel();
    await applyTopology(channel, topologyOf(config));
    dashboard = await startDashboard();
  });
  afterEach(async () => {
    await dashboard.stop();
    await removeTopology(channel, config);
    await connection.close();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  async function startDashboard(sweepLimits?: DashboardOptions['sweepLimits']): Promise<Dashboard> {
    const started = createDashboard({
      sweepLimits,
      config,
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log,
      amqpUrl: server.url,
      tokens: { operator: `anna=${OPERATOR}`, admin: ADMIN },
      auditLog: join(folder, 'audit.jsonl'),
    });
    await started.start();
    await expect.poll(async () => (await call(started, 'GET', '')).status).toBe(200);
    return started;
  }

  const queue = () => `${config.name}_customer`;

  /** Puts a message where the consumer would, with the reason in its headers. */
  function bury(index: number, body: unknown = { id: `c-${index}`, age: 'old' }, code = 'field_invalid'): void {
    channel.publish(`${config.name}.dead`, queue(), Buffer.from(JSON.stringify(body)), {
      persistent: true,
      messageId: `message-${String(index).padStart(6, '0')}`,
      type: 'customer',
      headers: {
        endpoint: 'crm',
        key: `c-${index}`,
        version: 'v1',
        run: 3,
        fetchedAt: '2026-01-05T10:00:00.000Z',
        [DEAD_LETTER_HEADERS.code]: code,
        [DEAD_LETTER_HEADERS.reason]: `customer c-${index}: field "age" is "old": expected a whole number`,
        [DEAD_LETTER_HEADERS.field]: 'age',
        [DEAD_LETTER_HEADERS.queue]: queue(),
        [DEAD_LETTER_HEADERS.deadAt]: new Date(Date.UTC(2026, 0, 5, 11) + index).toISOString(),
      },
    });
  }

  /** What the consumer would take by now: the pipeline file was corrected. */
  const good = (index: number) => ({ id: `c-${index}`, age: 7 });

  async function buryAll(count: number, from = 0, bodyOf: (index: number) => unknown = () => undefined): Promise<void> {
    for (let index = from; index < from + count; index++) bury(index, bodyOf(index));
    await channel.waitForConfirms();
  }

  interface Answer {
    status: number;
    body: {
      letters: {
        now: { passes: boolean };
        id: string;
        messageId: string;
        key: string;
        reason: string;
        field: string;
        preview: string;
      }[];
      total: number;
      complete: boolean;
      looked: number;
      done: number;
      stayed: number;
      prospect: unknown;
      payload: string;
      problem: { message: string; field: string } | null;
      facets: Record<string, { value: string; count: number }[]>;
      entries: Record<string, unknown>[];
      error: { code: string; message: string };
    };
  }

  async function call(to: Dashboard, method: string, path: string, body?: unknown, token = OPERATOR): Promise<Answer> {
    const response = await fetch(`${to.url}/api/dead-letters${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  }

  const list = async (query = '') => (await call(dashboard, 'GET', `?refresh=1&limit=500${query}`)).body;
  const auditLines = async () =>
    (await readFile(join(folder, 'audit.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  it('are listed with reason, field and payload, the newest first, as often as one likes', async () => {
    await buryAll(600);
    for (let look = 0; look < 12; look++) {
      const { letters, total, complete } = await list();
      expect([total, complete]).toEqual([600, true]);
      expect(letters[0]).toMatchObject({ key: 'c-599', field: 'age', preview: '{"id":"c-599","age":"old"}' });
      expect(letters[0]?.reason).toContain('expected a whole number');
    }
    // What went back lies in its order, for whoever else reads the queue.
    const order: string[] = [];
    for (let index = 0; index < 600; index++) {
      const message = await channel.get(`${queue()}.dead`, { noAck: true });
      if (message !== false) order.push(message.properties.messageId as string);
    }
    expect(order).toEqual([...order].sort());
    expect(order).toHaveLength(600);
  });

  it('are found by their criteria, with counts for each', async () => {
    bury(1);
    bury(2, 'no object', 'not_an_object');
    bury(3);
    await channel.waitForConfirms();
    const { letters, facets } = await list('&code=field_invalid&search=C-3');
    expect(letters.map(({ key }) => key)).toEqual(['c-3']);
    expect(facets.code).toEqual([{ value: 'field_invalid', count: 1 }]);
    expect((await list()).facets.code).toEqual([
      { value: 'field_invalid', count: 2 },
      { value: 'not_an_object', count: 1 },
    ]);
  });

  it('are mended, replayed and gone, and the log says who did it, when, and what it was before', async () => {
    await buryAll(3);
    const [, letter] = (await list()).letters;
    const whole = await call(dashboard, 'GET', `/${letter?.id}`);
    expect(whole.body).toMatchObject({ payload: '{"id":"c-1","age":"old"}', problem: { field: 'age' } });

    const wrong = await call(dashboard, 'POST', `/${letter?.id}/replay`, { payload: '{"id":"c-1","age":1.5}' });
    expect(wrong).toMatchObject({ status: 422, body: { error: { code: 'field_invalid' } } });
    const mended = await call(dashboard, 'POST', `/${letter?.id}/replay`, { payload: '{"id":"c-1","age":15}' });
    expect(mended).toMatchObject({ status: 200, body: { done: 1 } });

    const sent = await take(channel, queue());
    expect(sent?.content.toString()).toBe('{"id":"c-1","age":15}');
    expect(sent?.properties).toMatchObject({ messageId: 'message-000001', type: 'customer', deliveryMode: 2 });
    expect(sent?.properties.headers).toMatchObject({ endpoint: 'crm', key: 'c-1', run: 3 });
    expect(Object.keys(sent?.properties.headers ?? {}).filter((name) => name.includes('reason'))).toEqual([]);
    expect((await list()).letters.map(({ key }) => key)).toEqual(['c-2', 'c-0']);

    expect(await auditLines()).toMatchObject([
      { who: 'anna', role: 'operator', action: 'replay', step: 'begun', at: expect.stringContaining('T') },
      { step: 'letter', key: 'c-1', before: '{"id":"c-1","age":"old"}', body: '{"id":"c-1","age":15}' },
      { step: 'done', done: 1 },
    ]);
    expect((await call(dashboard, 'POST', `/${letter?.id}/replay`, {})).status).toBe(404);
  });

  it('are replayed all that match, each once, and others stay', async () => {
    await buryAll(700);
    for (let index = 700; index < 1_400; index++) bury(index, good(index), 'other');
    await channel.waitForConfirms();
    const { body } = await call(dashboard, 'POST', '/replay', { match: { code: 'other' } });
    expect(body).toMatchObject({ done: 700, looked: 1_400, complete: true });
    const keys = new Set<string>();
    for (let index = 0; index < 700; index++) {
      keys.add(String((await take(channel, queue()))?.properties.messageId));
    }
    expect(keys.size).toBe(700);
    expect(await channel.get(queue(), { noAck: true })).toBe(false);
    expect((await list()).total).toBe(700);
  });

  it('are replayed only if they would pass now: how many is told before, and why the others stay', async () => {
    // As after a correction of the file that mends some of them: those would pass, all others would come back.
    for (let index = 0; index < 42; index++) bury(index, index % 7 < 2 ? good(index) : undefined);
    bury(42, 'no object', 'not_an_object');
    await channel.waitForConfirms();
    const age = {
      code: 'field_invalid',
      field: 'age',
      count: 30,
      message: expect.stringContaining('expected a whole'),
    };
    const object = { code: 'not_an_object', field: null, count: 1, message: expect.any(String) };
    const page = await list();
    expect(page.prospect).toEqual({ passing: 12, unknown: 0, staying: 31, faults: [age, object] });
    expect(page.letters.filter(({ now }) => now.passes)).toHaveLength(12);
    expect((await list('&code=not_an_object')).prospect).toEqual({
      passing: 0,
      unknown: 0,
      staying: 1,
      faults: [object],
    });

    const { body } = await call(dashboard, 'POST', '/replay', { match: {} });
    expect(body).toEqual({ done: 12, stayed: 31, faults: [age, object], looked: 43, complete: true });
    await vi.waitFor(async () => expect((await channel.checkQueue(queue())).messageCount).toBe(12), 30_000);
    expect(await list()).toMatchObject({ total: 31, prospect: { passing: 0, staying: 31 } });
    expect((await auditLines()).at(-1)).toMatchObject({ step: 'done', done: 12, stayed: 31 });
    // Again: none goes round.
    expect((await call(dashboard, 'POST', '/replay', { match: {} })).body).toMatchObject({ done: 0, stayed: 31 });
    expect((await channel.checkQueue(queue())).messageCount).toBe(12);
    expect((await list()).total).toBe(31);
    // A person may send one that would not pass: the consumer may know better than this dashboard.
    const [one] = (await list('&code=not_an_object')).letters;
    expect((await call(dashboard, 'POST', `/${one?.id}/replay`, {})).body).toMatchObject({ done: 1, stayed: 0 });
  });

  it('are mended by expressions, those that pass then are sent, and the log keeps what each was before', async () => {
    await buryAll(30, 0, (index) => ({ id: `c-${index}`, age: index < 20 ? `${index}` : 'old' }));
    bury(30, { id: 'c-30', age: 'x' }, 'other');
    await channel.waitForConfirms();
    const match = { queue: queue(), code: 'field_invalid' };
    const mend = (path: string, set: unknown, of: unknown = match) =>
      call(dashboard, 'POST', `/mend${path}`, { match: of, set });
    const refused = await mend('/preview', { age: 'int(agee)' });
    expect(refused).toMatchObject({ status: 422, body: { error: { code: 'expression_invalid' } } });
    expect(refused.body.error.message).toContain('age: no field "agee"');
    expect((await mend('', { nothing: '1' })).status).toBe(422);
    expect((await mend('', {})).status).toBe(400);
    expect((await mend('', { age: '1' }, { code: 'field_invalid' })).status).toBe(400);
    expect((await mend('', { age: '1' }, { queue: 'another' })).status).toBe(404);

    const { body: preview } = await mend('/preview', { age: 'int(age)' });
    expect(preview).toMatchObject({
      total: 30,
      prospect: { passing: 20, unknown: 0, staying: 10, faults: [{ code: 'expression_failed', count: 10 }] },
      complete: true,
    });
    expect((await list()).total).toBe(31);
    await vi.waitFor(async () => expect((await channel.checkQueue(`${queue()}.dead`)).messageCount).toBe(31));

    const { body: acted } = await mend('', { age: 'int(age)' });
    expect(acted).toMatchObject({ done: 20, stayed: 10, complete: true });
    for (let index = 0; index < 20; index++) {
      expect(JSON.parse(String((await take(channel, queue()))?.content))).toEqual({ id: `c-${index}`, age: index });
    }
    expect((await list()).total).toBe(11);
    const lines = await auditLines();
    expect(lines[0]).toMatchObject({ action: 'mend', step: 'begun', match, set: { age: 'int(age)' } });
    expect(lines[1]).toMatchObject({ step: 'letter', before: '{"id":"c-0","age":"0"}', body: '{"id":"c-0","age":0}' });
    expect(lines.at(-1)).toMatchObject({ step: 'done', done: 20, stayed: 10 });
  });

  describe('more of them than a look takes', () => {
    const restart = async () => {
      await dashboard.stop();
      dashboard = await startDashboard({ listed: 50, looking: 40, acting: 30 });
    };
    /** What lies there, in its order. */
    const left = async () => {
      const ids: string[] = [];
      for (;;) {
        const message = await channel.get(`${queue()}.dead`, { noAck: true });
        if (message === false) return ids;
        ids.push(String(message.properties.messageId));
      }
    };

    it('are listed from the oldest on, and it is said how many there are', async () => {
      await restart();
      await buryAll(300);
      const page = await list();
      expect(page).toMatchObject({ complete: false, looked: 50, total: 50, queues: [{ letters: 300 }, {}] });
      expect(page.letters.at(-1)?.key).toBe('c-0');
      const order = await left();
      expect(order).toHaveLength(300);
      expect(order).toEqual([...order].sort());
    });

    it('are found one by one wherever they lie, and stay in their order', async () => {
      await buryAll(300);
      const last = (await list()).letters[0]?.id ?? '';
      await restart();
      expect((await call(dashboard, 'GET', `/${last}`)).body.payload).toBe('{"id":"c-299","age":"old"}');
      expect((await call(dashboard, 'POST', `/${last}/replay`, {})).body).toMatchObject({ done: 1 });
      const order = await left();
      expect(order).toHaveLength(299);
      expect(order).toEqual([...order].sort());
    });

    it('are replayed until none that matches is left, and others stay in their order', async () => {
      await restart();
      // Those that are meant lie behind many more than one channel may hold.
      for (let index = 0; index < 400; index++)
        bury(index, good(index), index < 200 || index % 2 === 0 ? 'kept' : 'meant');
      await channel.waitForConfirms();
      const { body } = await call(dashboard, 'POST', '/replay', { match: { code: 'meant' } });
      expect(body).toMatchObject({ done: 100, looked: 400, complete: true });
      await vi.waitFor(async () => expect((await channel.checkQueue(queue())).messageCount).toBe(100), 30_000);
      const order = await left();
      expect(order).toHaveLength(300);
      expect(order).toEqual([...order].sort());
    });

    it('are discarded until none is left', async () => {
      await restart();
      await buryAll(500);
      const many = { match: {}, reason: 'all of the test' };
      expect((await call(dashboard, 'POST', '/discard', many, ADMIN)).body).toMatchObject({
        done: 500,
        complete: true,
      });
      expect((await list()).total).toBe(0);
    });
  });

  it('are replayed once, although they die anew at once', async () => {
    await buryAll(200, 0, good);
    let deaths = 0;
    await channel.consume(queue(), (message) => {
      if (message === null) return;
      deaths += 1;
      bury(10_000 + deaths, good(deaths));
      channel.ack(message);
    });
    const { body } = await call(dashboard, 'POST', '/replay', { match: {} });
    expect(body.done).toBe(200);
    await vi.waitFor(() => expect(deaths).toBe(200), 30_000);
    await vi.waitFor(async () => expect((await list()).total).toBe(200), 30_000);
    expect(deaths).toBe(200);
  });

  it('are discarded with a reason by an operator, in numbers by an admin only, and kept in the log', async () => {
    await buryAll(4);
    const [letter] = (await list()).letters;
    const silent = await call(dashboard, 'POST', `/${letter?.id}/discard`, {});
    expect(silent).toMatchObject({ status: 400 });
    const one = await call(dashboard, 'POST', `/${letter?.id}/discard`, { reason: 'a test customer' });
    expect(one).toMatchObject({ status: 200, body: { done: 1 } });
    const many = { match: { queue: queue() }, reason: 'all of the test' };
    expect(await call(dashboard, 'POST', '/discard', many)).toMatchObject({
      status: 403,
      body: { error: { message: 'this needs the role admin, and anna is a operator' } },
    });
    expect(await call(dashboard, 'POST', '/discard', many, ADMIN)).toMatchObject({ body: { done: 3 } });
    expect((await list()).total).toBe(0);
    const thrown = (await auditLines()).filter(({ step }) => step === 'letter');
    expect(thrown.map(({ body }) => body)).toContain('{"id":"c-3","age":"old"}');
    expect(thrown).toHaveLength(4);
  });

  it.each(['queue', 'endpoint', 'code', 'field', 'search'])(
    'are never acted on where "%s" is empty: it would mean all',
    async (name) => {
      await buryAll(2, 0, good);
      for (const empty of ['', ' ']) {
        const body = { match: { [name]: empty } };
        for (const act of ['/discard', '/replay'])
          expect(
            await call(dashboard, 'POST', act, act === '/discard' ? { ...body, reason: 'a test' } : body, ADMIN),
          ).toMatchObject({
            status: 400,
            body: { error: { message: expect.stringContaining('empty') } },
          });
      }
      expect((await list()).total).toBe(2);
    },
  );

  it('stay where they are when the broker does not take a replay', async () => {
    await buryAll(3, 0, good);
    await channel.unbindQueue(queue(), config.name, 'customer');
    const refused = await call(dashboard, 'POST', '/replay', { match: {} });
    expect(refused).toMatchObject({ status: 503, body: { error: { code: 'replay_unroutable' } } });
    expect((await list()).total).toBe(3);
    expect((await auditLines()).at(-1)).toMatchObject({ step: 'failed', done: 0 });
  });

  it('are not touched while the audit log cannot be written', async () => {
    await buryAll(1);
    await dashboard.stop();
    await writeFile(join(folder, 'file'), '');
    dashboard = createDashboard({
      config,
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log,
      amqpUrl: server.url,
      tokens: { operator: OPERATOR },
      auditLog: join(folder, 'file', 'audit.jsonl'),
    });
    await dashboard.start();
    await expect.poll(async () => (await call(dashboard, 'GET', '')).status).toBe(200);
    const refused = await call(dashboard, 'POST', '/replay', { match: {} });
    expect(refused).toMatchObject({ status: 503, body: { error: { code: 'audit_unwritable' } } });
    expect((await list()).total).toBe(1);
  });

  describe('from the shell', () => {
    const environment = async () => {
      const file = join(folder, 'pipeline.yaml');
      await writeFile(file, pipelineFile(config.name));
      const { PATH = '' } = process.env;
      return { PATH, AMQP_URL: server.url, PIPELINE: file, AUDIT_LOG: join(folder, 'audit.jsonl') };
    };
    const shell = async (...args: string[]) =>
      await promisify(execFile)(process.execPath, [CLI, 'dead-letters', ...args], { env: await environment() });

    it('are listed, shown, mended, replayed and discarded the same', async () => {
      await buryAll(3);
      const page = JSON.parse((await shell('list', '--search', 'c-1', '--json')).stdout) as {
        letters: { id: string }[];
      };
      const id = page.letters[0]?.id ?? '';
      expect((await shell('list')).stdout).toContain('3 in all.');
      expect((await shell('show', id)).stdout).toContain('{"id":"c-1","age":"old"}');

      const file = join(folder, 'mended.json');
      await writeFile(file, '{"id":"c-1","age":"older"}');
      await expect(shell('replay', id, '--payload', file)).rejects.toThrow('not sent: customer c-1: field "age"');
      await writeFile(file, '{"id":"c-1","age":15}');
      expect((await shell('replay', id, '--payload', file)).stdout).toContain('1 replayed');
      expect((await take(channel, queue()))?.content.toString()).toBe('{"id":"c-1","age":15}');

      await buryAll(2, 10, good);
      const replayed = (await shell('replay', '--all')).stdout;
      expect(replayed).toMatch(
        /^2 of 4 would pass now and are replayed; 2 stay\.\n {2}2 × field_invalid, such as: customer c-/,
      );
      expect(replayed).toMatch(/^2 replayed, 2 stay because they would come back, of 4 looked at\.$/m);

      expect((await shell('discard', '--all', '--reason', 'a test')).stdout).toContain('2 discarded');
      expect((await shell('list')).stdout).toBe('No dead letters.\n');
      expect((await auditLines()).at(-1)).toMatchObject({ from: 'shell', action: 'discard', step: 'done', done: 2 });
    });

    it('leave nothing of what they held in the audit log where they are discarded to be forgotten', async () => {
      await buryAll(2);
      bury(7, 'c-7@example.com, and no record');
      await channel.waitForConfirms();
      await expect(shell('replay', '--all', '--forget')).rejects.toThrow(/unknown option/);
      const forget = ['--forget', '--reason', 'request 17'];
      expect((await shell('discard', '--all', '--search', 'c-7@example.com', ...forget)).stdout).toContain(
        '1 discarded',
      );
      expect((await shell('discard', '--all', ...forget)).stdout).toContain('2 discarded');
      const log = await readFile(join(folder, 'audit.jsonl'), 'utf8');
      expect(log).not.toMatch(/c-7|"old"/);
      const steps = (await auditLines()).filter(({ action }) => action === 'discard').map(({ step }) => step);
      expect(steps).toEqual(['begun', 'letter', 'done', 'begun', 'letter', 'letter', 'done']);
    });

    it('all stay where an id or a criterion is empty, as a variable is that is not set', async () => {
      await buryAll(2, 0, good);
      for (const args of [
        ['discard', '', '--reason', 'a test'],
        ['discard', '--all', '--endpoint', '', '--reason', 'a test'],
        ['replay', ''],
        ['replay', '--all', '--search', ' '],
        ['show', ''],
      ])
        await expect(shell(...args), args.join(' ')).rejects.toThrow(/is empty/);
      expect((await shell('list')).stdout).toContain('2 in all.');
    });

    it('are none of them lost when it is killed in the middle of a replay', async () => {
      const all = 3_000;
      await buryAll(all, 0, good);
      const program = spawn(process.execPath, [CLI, 'dead-letters', 'replay', '--all'], {
        env: await environment(),
        stdio: 'ignore',
      });
      const ended = once(program, 'exit');
      await vi.waitFor(async () => expect((await channel.checkQueue(queue())).messageCount).toBeGreaterThan(0), {
        timeout: 20_000,
        interval: 1,
      });
      program.kill('SIGKILL');
      await ended;
      const found = new Set<string>();
      for (const name of [queue(), `${queue()}.dead`]) {
        await vi.waitFor(async () => {
          for (let message = await take(channel, name); message !== undefined; message = await take(channel, name)) {
            found.add(String(message.properties.messageId));
          }
          // What the dead process held comes back a moment after it.
          if (name.endsWith('.dead')) expect(found.size).toBe(all);
        }, 20_000);
      }
    });
  });

  it('are each discarded once by several that discard them at the same time, and are in the log once', async () => {
    await buryAll(300);
    const discard = () => call(dashboard, 'POST', '/discard', { match: {}, reason: 'all at once' }, ADMIN);
    const answers = await Promise.all([discard(), discard(), discard(), discard()]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(answers.reduce((sum, { body }) => sum + body.done, 0)).toBe(300);
    const lines = (await readFile(join(folder, 'audit.jsonl'), 'utf8')).trim().split('\n');
    expect(lines.filter((line) => line.includes('"step":"letter"'))).toHaveLength(300);
  });

  it('are seen whole by two that look at the same time', async () => {
    await buryAll(400);
    const other = await startDashboard();
    const totals = await Promise.all(
      [...Array(10)].flatMap(() =>
        [dashboard, other].map(async (one) => (await call(one, 'GET', '?refresh=1')).body.total),
      ),
    );
    await other.stop();
    expect(new Set(totals)).toEqual(new Set([400]));
  });
});

async function take(channel: Channel, queue: string) {
  const message = await channel.get(queue, { noAck: true });
  return message === false ? undefined : message;
}
