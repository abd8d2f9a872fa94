import { beforeAll, describe, expect, inject, test } from 'vitest';
import { uniqueName } from '../services/handle.js';
import { eventually } from './support/eventually.js';
import {
  ENDPOINTS,
  FAILURES,
  type HostileApi,
  hostilePipeline,
  SECRETS,
  startHostileApi,
} from './support/hostile-api.js';
import { BAD_RECORDS, GOOD_RECORDS, LONG_KEY } from './support/hostile-records.js';
import { repeatsIn } from './support/landed.js';
import { readMetrics } from './support/metrics.js';
import { historyOf, type OutputRow, readRows, rowsOfCsv } from './support/output.js';
import {
  type DeadLetter,
  forgetInRedis,
  publish,
  removeAtEnd,
  takeDeadLetters,
  textsInRedis,
  waitingIn,
} from './support/servers.js';
import { type RunningService, startService, untilReady } from './support/services.js';
import { useStage } from './support/stage.js';

const stage = useStage();
const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };

/** Messages that nobody's producer made: what somebody else may put on the queue. */
const STRANGERS = [Buffer.from('{"id": "torn'), Buffer.from([0x7b, 0xff, 0xfe, 0x00]), Buffer.alloc(0)];

describe('an API that sends everything it should not', () => {
  const name = uniqueName('e2e');
  const queues = { thing: `${name}.things`, part: `${name}.parts` };
  const output = stage.path('output');
  let api: HostileApi;
  let producer: RunningService;
  let consumer: RunningService;
  let letters: DeadLetter[];
  let env: Record<string, string>;

  const things = () => readRows(output, 'things');
  const logs = () =>
    `${producer.program.stdout}${producer.program.stderr}${consumer.program.stdout}${consumer.program.stderr}`;
  const logLines = (service: RunningService) =>
    service.program.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const startConsumer = () => startService(stage, 'consumer', { ...env, INSTANCE_ID: 'consumer' });
  const startProducer = () => startService(stage, 'producer', { ...env, INSTANCE_ID: 'producer' });

  beforeAll(async () => {
    api = await startHostileApi(stage);
    removeAtEnd(stage, servers, name, Object.values(queues));
    env = {
      AMQP_URL: servers.amqpUrl,
      REDIS_URL: servers.redisUrl,
      PIPELINE: stage.write('pipeline.yaml', hostilePipeline(api, name, queues)),
      OUTPUT_DIR: output,
      HEADER_SECRET: SECRETS.header,
      QUERY_SECRET: SECRETS.query,
      PASSWORD: SECRETS.password,
    };
    consumer = await startConsumer();
    await untilReady(consumer);
    for (const body of STRANGERS) await publish(servers.amqpUrl, name, 'thing', body);
    producer = await startProducer();
    await eventually(async () => {
      const metrics = await readMetrics(producer.url);
      expect(metrics.sum('tributary_poll_runs_total')).toBe(ENDPOINTS.length);
      expect(metrics.sum('tributary_publish_unconfirmed')).toBe(0);
    });
    await eventually(async () => {
      const metrics = await readMetrics(consumer.url);
      const judged = metrics.sum('tributary_records_total');
      const confirmed = (await readMetrics(producer.url)).sum('tributary_publish_confirmed_total');
      expect(judged).toBe(confirmed + STRANGERS.length);
      expect(metrics.sum('tributary_rows_written_total', { dataset: 'things' })).toBe(
        metrics.sum('tributary_records_total', { entity: 'thing', outcome: 'accepted' }),
      );
    });
    letters = await takeDeadLetters(servers.amqpUrl, queues.thing);
  });

  test('every good record lands, byte for byte', async () => {
    const rows = historyOf(await things());
    for (const { key, cells } of GOOD_RECORDS) {
      expect(
        rows.get(key)?.map((row) => row.cells),
        `key ${key.slice(0, 40)}`,
      ).toEqual([cells]);
    }
    const others = [...rows.keys()].filter((key) => !GOOD_RECORDS.some((record) => record.key === key));
    expect(others.toSorted()).toEqual(['circles-again', 'circles-null', 'flaky', 'same']);
  });

  test('of one key that comes four times in one page, each content that is new is a row', async () => {
    const titles = historyOf(await things())
      .get('same')
      ?.map(({ cells }) => cells.title);
    expect(titles).toEqual(['A', 'B', 'A']);
  });

  test('lines meet what they point at, whatever the keys are', async () => {
    const rows = await readRows(output, 'thing_parts');
    const expected = [
      ['points', 'a/b', ''],
      ['points', '__proto__', '-1'],
      ['points', 'a%2Fb', ''],
      ['points/too', 'constructor', ''],
      ['points/too', 'a/b', ''],
      ['points/too', 'a/b', 'again'],
    ].map(([thing = '', ref = '', note = '']) => ({ thing, ref, note, label: `=${ref}` }));
    const sorted = (all: readonly object[]) => all.map((cells) => JSON.stringify(cells)).toSorted();
    expect(sorted(rows.map(({ cells }) => cells))).toEqual(sorted(expected));
    expect(new Set(rows.map(({ key }) => key)).size).toBe(expected.length);
  });

  test('every bad record is a dead letter, untouched, with the reason beside it', () => {
    const polled = letters.filter(({ headers }) => headers.endpoint === 'things');
    const found = polled.map(({ body, headers }) => ({ record: body.toString(), ...said(headers) }));
    const expected = BAD_RECORDS.map(({ json, code, field }) => ({ record: json, code, field }));
    const normal = (json: string) => JSON.stringify(JSON.parse(json));
    for (const { json, code, field, names } of BAD_RECORDS) {
      // A number beyond all numbers has no JSON that JavaScript could write: it is told by its key.
      const same = found.filter(
        ({ record }) => normal(record) === normal(json) || (json.includes('e400') && record.includes(names)),
      );
      expect(same, json.slice(0, 80)).toEqual([
        { record: expect.any(String), code, field, reason: expect.any(String) },
      ]);
      const reason = same[0]?.reason;
      for (const part of ['endpoint things', 'thing', names, field ?? '']) expect(reason).toContain(part);
      expect(String(reason).length).toBeLessThan(400);
    }
    expect(found.length).toBe(expected.length);
  });

  test('what a stranger put on the queue is a dead letter too, to the last byte', () => {
    const strangers = letters.filter(({ headers }) => headers.endpoint === undefined);
    expect(strangers.map(({ body }) => body.toString('hex'))).toEqual(STRANGERS.map((body) => body.toString('hex')));
    for (const { headers } of strangers) expect(said(headers)).toMatchObject({ code: 'not_json', field: undefined });
  });

  test('an endpoint that cannot be read fails by itself, and its reason is told and counted', async () => {
    const metrics = await readMetrics(producer.url);
    for (const [endpoint, code] of Object.entries(FAILURES)) {
      expect(metrics.sum('tributary_poll_failures_total', { endpoint, code }), endpoint).toBe(1);
      const lines = logLines(producer).filter(
        (line) => line.endpoint === endpoint && ['warn', 'error'].includes(String(line.level)),
      );
      expect(lines, endpoint).toEqual([
        expect.objectContaining({ reason: expect.stringContaining(`${endpoint}: page`) }),
      ]);
    }
    expect(metrics.sum('tributary_poll_failures_total')).toBe(Object.keys(FAILURES).length);
    expect(metrics.sum('tributary_poll_retries_total', { endpoint: 'flaky', code: 'http_500' })).toBe(2);
    // What is wrong for good is not asked for again; what may be better is, as often as `retries` says.
    const asked = Object.fromEntries(api.requests);
    expect(asked).toMatchObject({ '/forbidden': 1, '/html': 3, '/empty': 3, '/silent': 3, '/flaky': 3 });
  });

  test('every bad record and unknown field is told and counted, with endpoint, entity, key and field', async () => {
    const metrics = await readMetrics(consumer.url);
    for (const code of new Set(BAD_RECORDS.map(({ code }) => code))) {
      const labels = { endpoint: 'things', entity: 'thing', code };
      const records = BAD_RECORDS.filter((record) => record.code === code);
      expect(metrics.sum('tributary_dead_letters_total', labels), code).toBe(records.length);
    }
    expect(metrics.sum('tributary_records_total', { entity: 'thing', outcome: 'dead' })).toBe(
      BAD_RECORDS.length + STRANGERS.length,
    );
    expect(
      (await readMetrics(producer.url)).sum('tributary_poll_keyless_records_total', { endpoint: 'things' }),
    ).toBeGreaterThan(5);

    const lines = logLines(consumer);
    for (const { field, code, names } of BAD_RECORDS.filter(({ code }) => code === 'field_invalid')) {
      const told = lines.filter(
        (line) => line.code === code && line.field === field && String(line.key).includes(names),
      );
      expect(told, names).toEqual([expect.objectContaining({ endpoint: 'things', entity: 'thing' })]);
    }
    const polled = await readMetrics(producer.url);
    for (const field of ['surprise', '__proto__', '_hash', 'we"ird\nname']) {
      const told = logLines(producer).filter((line) => [line.fields].flat().includes(field));
      expect(told, field).toEqual([
        expect.objectContaining({ endpoint: 'things', entity: 'thing', key: 'unknown-fields' }),
      ]);
    }
    expect(polled.sum('tributary_unknown_fields_total', { endpoint: 'things', field: 'surprise' })).toBe(1);
    expect(polled.sum('tributary_unknown_fields_total', { endpoint: 'things', field: '__proto__' })).toBe(1);
  });

  test('a secret of a header, a query or a URL is in no log, metric, header or key, though the API repeats it', async () => {
    const kept = await textsInRedis(servers.redisUrl, `{${name}}:cursor:*`);
    expect(kept.length).toBeGreaterThan(0);
    const pages = await Promise.all(
      [producer, consumer].flatMap(({ url }) =>
        ['/metrics', '/readyz'].map(async (path) => (await fetch(`${url}${path}`)).text()),
      ),
    );
    const everything = [logs(), ...pages, ...kept, ...letters.map(({ headers }) => JSON.stringify(headers))].join('\n');
    expect(everything).toContain('Please sign in');
    const basic = btoa(`user:${SECRETS.password}`);
    for (const secret of [...Object.values(SECRETS), basic]) expect(everything).not.toContain(secret);
  });

  test('the dashboard shows and downloads the same text', async () => {
    const dashboard = await startService(stage, 'dashboard', env);
    const path = `${dashboard.url}/api/datasets/things`;
    const download = await (await fetch(`${path}.csv?view=history`)).text();
    // A line that begins with a blank cell is not read by fast-csv as it stands there, unless that is in quotes.
    const shown = (rows: readonly OutputRow[]) =>
      rows
        .filter(({ key }) => key.trim() !== '')
        .map(({ key, cells }) => ({ key, cells }))
        .toSorted(byKey);
    expect(shown(await rowsOfCsv('the download', download))).toEqual(shown(await things()));
    expect(await (await fetch(`${path}/rows?search=five-megabytes`)).text()).toContain('five-megabytes');
    await dashboard.program.stop();
  });

  test('what landed is read back as what it was: with Redis lost, nothing is written twice', async () => {
    await producer.program.stop();
    await consumer.program.stop();
    const before = await things();
    expect(repeatsIn(before)).toEqual([]);
    expect(before.map(({ key }) => key)).toContain(LONG_KEY);
    await forgetInRedis(servers.redisUrl, name);
    consumer = await startConsumer();
    await untilReady(consumer);
    producer = await startProducer();
    await eventually(async () => {
      const metrics = await readMetrics(consumer.url);
      // All but the three rows of the key that has no one content.
      const duplicates = metrics.sum('tributary_records_total', { entity: 'thing', outcome: 'duplicate' });
      expect(duplicates).toBeGreaterThanOrEqual(before.length - 3);
      for (const queue of Object.values(queues)) expect(await waitingIn(servers.amqpUrl, queue)).toBe(0);
    });
    const ends = await Promise.all([producer.program.stop(), consumer.program.stop()]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    // The key that comes four times goes through its contents once more: A, B, B, A after A is B and A.
    const added = (await things()).slice(before.length);
    expect(new Set(added.map(({ key }) => key))).toEqual(new Set(['same']));
  });
});

function said(headers: Readonly<Record<string, unknown>>) {
  return {
    code: headers['tributary-error-code'],
    field: headers['tributary-field'],
    reason: headers['tributary-reason'],
  };
}

const byKey = (a: { readonly key: string }, b: { readonly key: string }): number => (a.key < b.key ? -1 : 1);
