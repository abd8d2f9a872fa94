import { expect, test } from 'vitest';
import { compileEntity, parsePipeline } from '../../src/index.js';

const { entities } = parsePipeline(
  `
entities:
  order:
    dataset: orders
    queue: order_data
    key: id
    fields: { id: string, lines: { type: list, maxLength: 20000, items: { sku: string, quantity: integer, note: string? } } }
endpoints: {}
`,
  {},
  'long-lists.yaml',
);
const [config] = Object.values(entities);
const order = config && compileEntity('order', config);

/** Lines, and how often one of their fields was read. */
function lines(count: number, quantity: unknown) {
  const seen = { reads: 0 };
  const line = (sku: string) => ({
    get sku() {
      seen.reads += 1;
      return sku;
    },
    quantity,
  });
  return { list: Array.from({ length: count }, (_, number) => line(`S-${number}`)), seen };
}

test('a list that cannot fit is refused before one of its objects is read: a message of 12 MB would block the process', () => {
  const { list, seen } = lines(1_000, 'many');
  expect(() => order?.decode({ id: 'A', lines: list })).toThrow(
    /"lines" is .* \(1000 elements\): is longer than 20000 characters/,
  );
  // The words show the first of them.
  expect(seen.reads).toBeLessThanOrEqual(100);
});

test('of a list with a fault in each object, some faults are looked for, and the others told of', () => {
  const { list, seen } = lines(700, 'many');
  expect(() => order?.decode({ id: 'A', lines: list })).toThrow(
    /"lines.0.quantity" is "many": expected a whole number \(and at least 99 more\)/,
  );
  expect(seen.reads).toBeLessThan(300);
});

test('a list that just fits is taken, and one more object is too much', () => {
  const line = { sku: '', quantity: 1 };
  const most = Math.floor((20_000 - 2 + 1) / (JSON.stringify(line).length + 1));
  const of = (length: number) => ({ id: 'A', lines: Array.from({ length }, () => line) });
  expect(order?.decode(of(most)).payload?.lines).toHaveLength(most);
  expect(() => order?.decode(of(most + 1))).toThrow(/"lines"/);
});
