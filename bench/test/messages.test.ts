import { fileURLToPath } from 'node:url';
import { bodiesOf, compileEntity, loadPipeline } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import { customerMessages, itemMessages, packed, timeOfMessage } from '../src/messages.js';

const { entities } = loadPipeline(fileURLToPath(new URL('../../pipeline.yaml', import.meta.url)), {});
const decode = (entity: 'customer' | 'inventory', body: Buffer) => {
  const config = entities[entity];
  if (config === undefined) throw new Error(`no ${entity} in pipeline.yaml`);
  return compileEntity(entity, config).decode(JSON.parse(body.toString()));
};

describe('the messages that are measured with', () => {
  test('are valid records of the demo pipeline, with no field that it does not know', () => {
    const customers = customerMessages({ count: 20, lines: 3 }).map(({ body }) => decode('customer', body));
    const items = itemMessages().map(({ body }) => decode('inventory', body));
    for (const { unknownFields } of [...customers, ...items]) expect(unknownFields).toEqual([]);
  });

  test('differ in content, unless they are set to repeat', () => {
    const hashes = (count: number, newEvery: number) =>
      new Set(customerMessages({ count, newEvery }).map(({ body }) => decode('customer', body).hash)).size;
    expect(hashes(100, 1)).toBe(100);
    expect(hashes(100, 10)).toBe(10);
    expect(hashes(25, 10)).toBe(3);
  });

  test('hold the same records in packs', () => {
    const messages = customerMessages({ count: 25 });
    const packs = packed(messages, 10);
    expect(packs.map(({ options }) => options.headers.records)).toEqual([10, 10, 5]);
    const bodies = packs.flatMap(({ body }) => [...bodiesOf(body)].map(String));
    expect(bodies).toEqual(messages.map(({ body }) => String(body)));
  });

  test('have growing ids, also if their content repeats', () => {
    const ids = customerMessages({ count: 300, newEvery: 100 }).map(({ envelope }) => envelope.messageId);
    expect(ids).toEqual([...new Set(ids)].sort());
  });

  test('refer to items that exist, each once in a customer', () => {
    const skus = new Set(itemMessages().map(({ envelope }) => envelope.key));
    for (const { body } of customerMessages({ count: 200, lines: 3 })) {
      const lines = JSON.parse(body.toString()).lines.map(({ sku }: { sku: string }) => sku);
      expect(new Set(lines).size).toBe(3);
      for (const sku of lines) expect(skus).toContain(sku);
    }
  });
});

test('the time of a message is in its id', () => {
  // The example of RFC 9562, appendix A.6: 2022-02-22, 14:22:22 in UTC-5.
  expect(timeOfMessage('017F22E2-79B0-7CC3-98C4-DC0C0C07398F')).toBe(Date.UTC(2022, 1, 22, 19, 22, 22));
});
