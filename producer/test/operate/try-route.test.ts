import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApp, parsePipeline, ServiceGuard, systemClock } from '@tributary/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tryRoute } from '../../src/operate/try-route.js';
import { readProtectionKeys } from '../../src/shape/protect/keys.js';

const SECRET = 'a-secret-that-nobody-may-see';
const FILE = `
entities:
  customer: { dataset: customers, queue: customer_data, key: id, fields: { id: string, name: string? } }
  person: { dataset: people, queue: people, key: id, fields: { id: { type: string, protect: hash }, name: { type: string?, protect: encrypt } } }
endpoints:
  one: { url: "\${BASE}/one", entity: customer, retries: 0, auth: { type: bearer, token: "\${TOKEN}" } }
  people: { url: "\${BASE}/people", entity: person, retries: 0 }
  away: { url: "http://127.0.0.1:1/away?key=\${TOKEN}", entity: customer, retries: 0 }
`;

describe('an endpoint that is tried at a producer', () => {
  // It gives back what it was sent, as some APIs do.
  const api = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify([{ id: '1', name: request.headers.authorization }, { name: 'without a key' }]));
  });
  const server = createServer();
  let url: string;
  beforeAll(async () => {
    const portOf = async (one: typeof api) => {
      await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
      return (one.address() as AddressInfo).port;
    };
    const env = { BASE: `http://127.0.0.1:${await portOf(api)}`, TOKEN: SECRET };
    const config = parsePipeline(FILE, env, 'try.yaml');
    const guard = new ServiceGuard({});
    const keys = readProtectionKeys({
      PRIVACY_HASH_KEY: 'h'.repeat(40),
      PRIVACY_ENCRYPTION_KEYS: `2026:${'e'.repeat(40)}`,
    });
    const route = tryRoute({ config, clock: systemClock, proxies: {}, redisUrl: '', secret: undefined, keys });
    server.on(
      'request',
      createApp().post(route.path, (request, response) => void route.handle(request, response, guard)),
    );
    url = `http://127.0.0.1:${await portOf(server)}`;
  });
  afterAll(() => {
    api.close();
    server.close();
  });
  const tried = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`${url}/endpoints/${path}`, { method: 'POST', ...init });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };

  it('shows its first records and what would become of them, without what is secret', async () => {
    const { status, body } = await tried('one/try?limit=5');
    expect(status).toBe(200);
    expect(body).toMatchObject({ bad: 1, error: null });
    expect(body.text).toContain('"id":"1"');
    expect(body.text).toContain('1 of them would be dead-lettered');
    expect(JSON.stringify(body)).not.toContain(SECRET);
  });

  it('protects fields with the keys of the producer', async () => {
    const { body } = await tried('people/try');
    expect(body).toMatchObject({ bad: 1, error: null });
    expect(body.text).toMatch(/"id":"[0-9a-f]{32}"/);
  });

  it('tells in words why nothing came', async () => {
    const { body } = await tried('away/try');
    expect(body.error).toContain('ECONNREFUSED');
    expect(JSON.stringify(body)).not.toContain(SECRET);
  });

  it('is one of the configuration that runs, with a limit and nothing else', async () => {
    expect((await tried('other/try')).status).toBe(404);
    expect((await tried('__proto__/try')).status).toBe(404);
    for (const query of ['limit=0', 'limit=21', 'limit=x', 'limit=1.5'])
      expect((await tried(`one/try?${query}`)).status).toBe(400);
  });

  it('is alone', async () => {
    const both = await Promise.all([tried('one/try'), tried('one/try')]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 503]);
    expect((await tried('one/try')).status).toBe(200);
  });
});
