import { parsePipeline } from '@tributary/shared';
import { expect, expectTypeOf, test } from 'vitest';
import { createPipeline, defineEndpoint, defineEntity, type EntityRecord } from '../../src/index.js';

const order = defineEntity({
  dataset: 'orders',
  queue: 'orders',
  key: ['shop', 'number'],
  version: 'updatedAt',
  fields: {
    shop: 'string',
    number: 'integer $.no',
    note: 'string? $.texts.note',
    total: { type: 'decimal', from: '$.total_price' },
    rate: { type: 'number?' },
    paid: { type: 'boolean', optional: true },
    day: 'date',
    updatedAt: 'datetime',
    raw: 'json?',
    lines: { type: 'list', items: { sku: 'string', amount: 'integer?' } },
  },
});

test('an entity as an object is what a pipeline file holds', () => {
  const orders = defineEndpoint({ url: 'https://example.org/orders', entity: 'order' });
  const { entities } = parsePipeline(
    JSON.stringify({ entities: { order }, endpoints: { orders } }),
    {},
    'the pipeline',
  );
  expect(entities.order).toMatchObject({
    key: ['shop', 'number'],
    fields: { note: { type: 'string', optional: true } },
  });
});

test('the type of its records follows from its fields', () => {
  expectTypeOf<EntityRecord<typeof order>>().branded.toEqualTypeOf<{
    readonly shop: string;
    readonly number: number | bigint;
    readonly total: string | number;
    readonly day: string;
    readonly updatedAt: string | Date;
    readonly lines: readonly { readonly sku: string; readonly amount?: number | bigint | null }[];
    readonly note?: string | null;
    readonly rate?: number | null;
    readonly paid?: boolean | null;
    readonly raw?: unknown;
  }>();
});

test('a pipeline takes records of its entities, and no others', () => {
  const tag = defineEntity({ dataset: 'tags', queue: 'tags', key: 'id', fields: { id: 'string', hits: 'integer?' } });
  const typed = createPipeline({ config: { entities: { tag }, endpoints: {} } });
  type Publish = typeof typed.publish<'tag'>;
  expectTypeOf<{ id: string; hits: number }>().toExtend<Parameters<Publish>[1]>();
  expectTypeOf<{ id: string; _deleted: true }>().toExtend<Parameters<Publish>[1]>();
  expectTypeOf<{ id: number }>().not.toExtend<Parameters<Publish>[1]>();
  expectTypeOf<{ hits: number }>().not.toExtend<Parameters<Publish>[1]>();
  expectTypeOf<Parameters<typeof typed.publish>[0]>().toEqualTypeOf<'tag'>();
  const ofFile = createPipeline({ config: 'pipeline.yaml' });
  expectTypeOf<{ anything: number }>().toExtend<Parameters<typeof ofFile.publish>[1]>();
  expect(() => ofFile.config).toThrow('await start() first');
});
