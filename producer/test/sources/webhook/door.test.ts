import { describe, expect, test, vi } from 'vitest';
import { setUpProducer } from '../../support/producer.js';
import { hmacOf } from './requests.js';

const SECRET = 'a-secret-of-the-sender';
const SENDER = { type: 'hmac', secret: SECRET, header: 'X-Signature' };

/** Sent in chunks. */
const TOO_LARGE = new Blob([`{"id":"${'x'.repeat(3_000)}"}`]);

interface Sending {
  readonly body?: string | Buffer | Blob;
  readonly headers?: Record<string, string>;
  readonly signature?: string | null;
  readonly method?: string;
  readonly id?: string;
}

async function setUp(settings: object = {}, options: Parameters<typeof setUpProducer>[1] = {}, more: object = {}) {
  const webhook = { source: 'webhook', sender: SENDER, ...settings };
  const producer = await setUpProducer({ crm: webhook }, options, more);
  await producer.producer.start();
  await producer.ready();
  const send = async ({ body = '{"id":"c1","updatedAt":"2026-11-28T12:00:00Z"}', ...rest }: Sending = {}) => {
    const { headers = {}, signature = hmacOf(SECRET, String(body)), method = 'POST', id = 'crm' } = rest;
    const signed = signature === null ? {} : { 'x-signature': signature };
    const response = await fetch(`${producer.producer.url}/hooks/${id}`, {
      method,
      headers: { 'content-type': 'application/json', ...signed, ...headers },
      ...(method === 'POST' && (body instanceof Blob ? { body: body.stream(), duplex: 'half' } : { body })),
    });
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  const bodies = () => {
    const { messages = [] } = producer.server.getBroker().getQueue('customer_data') ?? {};
    // Some messages may be packs: a record in each line.
    const lines = messages.flatMap(({ content }) => String(content).split('\n'));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  const metric = async (name: string) =>
    (await producer.get('/metrics')).text.split('\n').filter((line) => line.startsWith(name) && !/ 0$/.test(line));
  return { ...producer, send, bodies, metric };
}

describe('the door for events', () => {
  test('takes a signed event, and answers when RabbitMQ has it', async () => {
    const { send, bodies, metric } = await setUp();
    const { status, text } = await send();
    expect({ status, text }).toEqual({ status: 200, text: '' });
    expect(bodies()).toEqual([{ id: 'c1', updatedAt: '2026-11-28T12:00:00.000Z' }]);
    expect((await metric('tributary_hook_records_total')).join()).toContain('endpoint="crm"');
  });

  test('takes a list of records, a form, and the event in a field of a form', async () => {
    const { send, bodies } = await setUp({ items: '$.events' });
    const event =
      '{"events":[{"id":"a","updatedAt":"2026-11-28T12:00:00Z"},{"id":"b","updatedAt":"2026-11-28T12:00:00Z"}]}';
    expect((await send({ body: event })).status).toBe(200);
    expect(bodies().map(({ id }) => id)).toEqual(['a', 'b']);
  });

  test('takes a form, with its fields as they are, or with the event in one of them', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const plain = await setUp({ map: { updatedAt: '$.$received' } });
    expect((await plain.send({ body: 'id=c7&name=A+B', headers: form })).status).toBe(200);
    expect(plain.bodies()).toMatchObject([{ id: 'c7', name: 'A B', updatedAt: expect.stringMatching(/Z$/) }]);
    const held = await setUp({ payload: 'payload', map: { updatedAt: '$.$received' } });
    const payload = new URLSearchParams({ payload: '{"id":"c8"}' }).toString();
    expect((await held.send({ body: payload, headers: form })).status).toBe(200);
    expect(held.bodies()).toMatchObject([{ id: 'c8' }]);
  });

  test('takes a form of half a million fields of one name in the time of any other', async () => {
    const { send, bodies } = await setUp({ map: { updatedAt: '$.$received' } });
    const body = `id=c9&${'a&'.repeat(500_000)}`;
    expect((await send({ body, headers: { 'content-type': 'application/x-www-form-urlencoded' } })).status).toBe(200);
    expect(bodies()).toMatchObject([{ id: 'c9' }]);
  });

  test('shows records the event around them and the headers, but no header with a secret', async () => {
    const { send, bodies } = await setUp({
      items: '$.data.object',
      map: { name: "$['$headers']['x-topic']", updatedAt: "$['$event'].created" },
      where: "raw['$event'].type == 'customer.updated' && !('x-signature' in raw['$headers'])",
    });
    const event = (type: string) =>
      JSON.stringify({ type, created: '2026-11-28T12:00:00Z', data: { object: { id: type } } });
    await send({ body: event('customer.updated'), headers: { 'X-Topic': 'customers' } });
    expect((await send({ body: event('invoice.paid') })).status).toBe(200);
    expect(bodies()).toEqual([{ id: 'customer.updated', name: 'customers', updatedAt: '2026-11-28T12:00:00.000Z' }]);
  });

  test('shows no record a header that sounds like a secret', async () => {
    const known = ['X-My-Pass', 'X-Session-Id', 'X-CSRF', 'X-Api-Key', 'X-Jwt', 'X-Credentials', 'Cookie'];
    const others = ['X-Sign', 'X-Bearer', 'X-OTP', 'X-Amzn-Oidc-Data', 'X-Client-State', 'X-Access', 'X-Mac', 'X-Pin'];
    const names = [...known, ...others];
    const shown = names.map((name) => `'${name.toLowerCase()}' in raw['$headers']`).join(' || ');
    const { send, bodies } = await setUp({ where: `!(${shown}) && 'x-topic' in raw['$headers']` });
    const headers = {
      ...Object.fromEntries(names.map((name) => [name, 'a secret'])),
      'X-Topic': 'customers',
    };
    expect((await send({ headers })).status).toBe(200);
    expect(bodies()).toHaveLength(1);
  });

  test('makes a tombstone of an event that says that a record is gone', async () => {
    const { send, bodies, metric } = await setUp({ deletes: { when: "raw.type == 'deleted'" } });
    await send({ body: '{"type":"deleted","id":"c1","updatedAt":"2026-11-28T12:00:00Z"}' });
    expect(bodies()).toEqual([{ id: 'c1', updatedAt: '2026-11-28T12:00:00.000Z', _deleted: true }]);
    expect((await metric('tributary_poll_deleted_records_total')).join()).toContain('why="marked"');
  });

  test.each([
    ['without a signature', { signature: null }, 401],
    ['with a wrong signature', { signature: hmacOf('guessed-secret', '{}') }, 401],
    ['that is no JSON', { body: '{"id":' }, 400],
    ['that is no UTF-8', { body: Buffer.from([0x7b, 0xff]), signature: hmacOf(SECRET, '') }, 401],
    ['that holds no record', { body: '"text"' }, 400],
    ['of another type', { headers: { 'content-type': 'text/xml' } }, 415],
    ['that is compressed', { headers: { 'content-encoding': 'gzip' } }, 415],
    ['that is too large', { body: `{"id":"${'x'.repeat(3_000)}"}` }, 413],
    ['that is too large, of a length that is not told', { body: TOO_LARGE }, 413],
    ['for a name without a door', { id: 'constructor' }, 404],
    ['by another method', { method: 'GET' }, 405],
  ])('refuses an event %s, and says why without a secret', async (_what, sending: Sending, wanted) => {
    const { send, queued, text: log } = await setUp({ maxBodySize: '2KB' });
    const { status, text, headers } = await send(sending);
    expect({ status, text }).toEqual({ status: wanted, text: expect.stringMatching(/^\{"error":".+"\}$/) });
    expect(text + log()).not.toContain(SECRET);
    expect(log()).toContain('an event was refused');
    if (wanted === 405) expect(headers.get('allow')).toBe('POST');
    expect(queued('customer_data')).toBe(0);
  });

  test('takes only so many events at a time, and says when to come again', async () => {
    const { send } = await setUp({ rate: { perSecond: 0.01, burst: 2 } });
    // A stranger does not use them up.
    expect((await send({ signature: 'guessed' })).status).toBe(401);
    expect([(await send()).status, (await send()).status]).toEqual([200, 200]);
    const { status, headers } = await send();
    expect(status).toBe(429);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  });

  test('asks to send again while RabbitMQ is away, and says nothing of the inside', async () => {
    const { send, server, get, text: log } = await setUp();
    await server.close();
    await vi.waitFor(async () => expect((await get('/readyz')).status).toBe(503));
    const { status, text, headers } = await send();
    expect(status).toBe(503);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(text).not.toMatch(/rabbit|amqp|127\.0\.0\.1/i);
    expect(log()).toMatch(/RabbitMQ/);
  });

  test('publishes many events at the same time once each', async () => {
    const { send, bodies } = await setUp();
    const ids = Array.from({ length: 60 }, (_, number) => `c${number}`);
    const answers = await Promise.all(
      ids.map((id) => send({ body: JSON.stringify({ id, updatedAt: '2026-11-28T12:00:00Z' }) })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    // Some of the messages are packs.
    expect(
      bodies()
        .flat()
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(ids.toSorted());
  });

  test('has a port of its own where nothing else answers, if it is asked for', async () => {
    const { producer } = await setUp({}, { webhooks: { port: 0, host: '127.0.0.1' }, adminToken: 'an-admin-token' });
    const ask = async (url: string, method = 'GET') => {
      const headers = { authorization: 'Bearer an-admin-token' };
      return (await fetch(url, { method, headers })).status;
    };
    expect(await ask(`${producer.url}/hooks/crm`, 'POST')).toBe(404);
    expect(await ask(`${producer.hooksUrl}/hooks/crm`, 'POST')).toBe(401);
    expect(await ask(`${producer.hooksUrl}/readyz`)).toBe(200);
    for (const path of ['/metrics', '/endpoints', '/status']) {
      expect(await ask(`${producer.hooksUrl}${path}`)).toBe(404);
    }
    for (const path of ['/endpoints/crm/pause', '/records/customer']) {
      expect(await ask(`${producer.hooksUrl}${path}`, 'POST')).toBe(404);
    }
  });

  test.each([
    ['of bytes that are no UTF-8', Buffer.from('{"id":"c\xff","updatedAt":"2026-11-28T12:00:00Z"}', 'latin1'), 'UTF-8'],
    ['with more faults than can be told', 'x\n'.repeat(1_001), 'more than 1000 of the records are not valid'],
  ])('takes no records %s, though the admin sends them', async (_what, body, said) => {
    const { producer, queued } = await setUp({}, { adminToken: 'an-admin-token' });
    const headers = { authorization: 'Bearer an-admin-token', 'content-type': 'application/x-ndjson' };
    const response = await fetch(`${producer.url}/records/customer`, { method: 'POST', headers, body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ accepted: 0, error: expect.stringContaining(said) });
    expect(queued('customer_data')).toBe(0);
  });

  test('counts an event that comes twice, and passes it on: the consumer knows what it has', async () => {
    const { send, bodies, metric } = await setUp();
    expect((await send()).status).toBe(200);
    expect(await metric('tributary_hook_repeated_events_total{')).toEqual([]);
    expect((await send()).status).toBe(200);
    expect((await metric('tributary_hook_repeated_events_total{')).join()).toMatch(/endpoint="crm".* 1$/);
    expect(bodies()).toHaveLength(2);
  });

  test('tells when events came last', async () => {
    const { send, get } = await setUp();
    expect((await send()).status).toBe(200);
    await vi.waitFor(async () => {
      const report = JSON.parse((await get('/endpoints/crm/status')).text) as Record<string, unknown>;
      expect(report).toMatchObject({ state: 'waiting', lastRun: { records: 1, published: 1 }, nextRun: null });
    });
  });

  test('is polled by no one: a single round leaves it out', async () => {
    const { producer } = await setUp();
    expect(await producer.pollOnce()).toEqual([]);
  });
});
