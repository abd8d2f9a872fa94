import { fileURLToPath } from 'node:url';
import { compileEntity, createLogger, type Entity, loadPipeline, Registry } from '@tributary/shared';
import type { BrokerMessage } from '../../src/intake/channel.js';
import { ConsumerMetrics } from '../../src/metrics/metrics.js';

/** The pipeline that Tributary comes with: customers with order lines, and the inventory. */
export const CRM = loadPipeline(fileURLToPath(new URL('../../../pipeline.yaml', import.meta.url)), {});

export const log = createLogger({ service: 'consumer', instance: 'test', level: 'silent' });
export const newMetrics = (): ConsumerMetrics => new ConsumerMetrics(new Registry(), () => []);

export function entityNamed(name: string): Entity {
  const config = CRM.entities[name];
  if (config === undefined) throw new Error(`no entity ${name} in the pipeline`);
  return compileEntity(name, config);
}

export const CUSTOMER = entityNamed('customer');
export const INVENTORY = entityNamed('inventory');

export type Fields = Readonly<Record<string, unknown>>;

export const customer = (changes: Fields = {}): Fields => ({
  id: 'C-1',
  name: 'Ada',
  email: 'ada@example.org',
  lines: [{ sku: 'SKU-1', quantity: 2 }],
  updatedAt: '2025-01-01T00:00:00Z',
  ...changes,
});

export const item = (changes: Fields = {}): Fields => ({
  sku: 'SKU-1',
  name: 'Lamp',
  price: 19.99,
  currency: 'EUR',
  stock: 5,
  updatedAt: '2025-01-01T00:00:00Z',
  ...changes,
});

/** A message as RabbitMQ delivers it; the body may be anything. */
export function messageOf(body: unknown, messageId = 'm1', headers: Fields = {}): BrokerMessage {
  const content = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return {
    content,
    fields: { deliveryTag: 1 },
    properties: { messageId, headers: { endpoint: 'crm-customers', run: 7, ...headers } },
  };
}
