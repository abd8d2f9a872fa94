import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger, parsePipeline, systemClock } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { createIds } from '../../../src/publish/ids.js';
import { readProtectionKeys } from '../../../src/shape/protect/keys.js';
import { SentRecords } from '../../../src/sources/webhook/sent-records.js';

const CANARY = 'Canary-4711';

/** What leaves for RabbitMQ of one record that is sent. */
async function sent(fields: object, record: object) {
  const thing = { dataset: 'things', queue: 'things', key: 'id', fields: { id: 'string', ...fields } };
  const pipeline = {
    name: 'p',
    entities: { thing },
    endpoints: { a: { url: 'http://127.0.0.1:1/', entity: 'thing' } },
  };
  const { entities } = parsePipeline(JSON.stringify(pipeline), {}, 'pipeline.yaml');
  const bodies: string[] = [];
  const records = new SentRecords({
    entities,
    keys: readProtectionKeys({ PRIVACY_HASH_KEY: 'h'.repeat(40) }),
    followed: new Set(),
    intake: {
      async accept(_name, messages) {
        for (const { body } of messages) bodies.push(body.toString());
        return [];
      },
    },
    ids: createIds(),
    clock: systemClock,
    log: createLogger({ service: 'producer', instance: 'test', level: 'silent' }),
    problem: () => undefined,
    hear: async () => {},
  });
  const server = createServer(async (request, response) => {
    response.end(JSON.stringify(await records.take('thing', request)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: JSON.stringify(record) });
  const taken: unknown = await answer.json();
  server.close();
  return { bodies, taken };
}

describe('of a record that is sent, where a field is protected', () => {
  const protectedName = { name: { type: 'string?', protect: 'hash' } };
  const lines = { type: 'list', optional: true, items: { sku: 'string' } };

  it.each([
    ['a field', protectedName, { ssn: CANARY }],
    ['a field of an item', { ...protectedName, lines }, { lines: [{ sku: 'a', ssn: CANARY }] }],
    ['a field of a later item', { ...protectedName, lines }, { lines: [{ sku: 'a' }, { sku: 'b', ssn: CANARY }] }],
    [
      'a field beside a protected one of an item',
      { lines: { type: 'list', items: { sku: { type: 'string', protect: 'hash' } } } },
      { lines: [{ sku: 'a', ssn: CANARY }] },
    ],
  ])('%s that is not declared stays in the producer', async (_, fields, record) => {
    const { bodies, taken } = await sent(fields, { id: '1', ...record });
    expect(taken).toMatchObject({ status: 200, accepted: 1 });
    expect(bodies).toHaveLength(1);
    expect(bodies.join()).not.toContain(CANARY);
  });
});
