import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { publishBarely } from '../bare/publish.js';
import { type Bench, sizeOf } from '../bench.js';
import { emptyAll } from '../consumers.js';
import type { Figure } from '../figure.js';
import { interleave } from '../interleave.js';
import { customerMessages, type customerRecord } from '../messages.js';
import { pagesOf } from '../pages.js';
import { pollOnce } from './poll.js';

export const pollShaped: Figure = {
  name: 'poll.shaped',
  unit: 'records/s',
  sentence:
    'As `poll`, with records of another shape: eleven fields are found by paths and converted, one is computed, and `where` looks at each. The limit is amqplib alone, with the records as they are published.',
  async measure(bench) {
    const { records, rounds } = sizeOf(bench, {
      quick: { records: 100_000, rounds: 1 },
      full: { records: 100_000, rounds: 5 },
    });
    const messages = customerMessages({ count: records });
    const raw = messages.map(({ body }) => ({
      body: Buffer.from(JSON.stringify(rawRecord(JSON.parse(body.toString())))),
    }));
    const environment = { PIPELINE: writePipeline(bench) };
    return await interleave(bench, 'poll.shaped', rounds, {
      ours: () => pollOnce(bench, pagesOf(raw), environment),
      async limit() {
        await emptyAll(bench);
        return records / (await publishBarely(await bench.servers.broker(), messages));
      },
    });
  },
};

/** A customer as another API would send it: nested, with a time in seconds, a number as text, and names with blanks. */
function rawRecord(customer: ReturnType<typeof customerRecord>): object {
  const { id, name, email, phone, company, city, country, segment, lines, updatedAt } = customer;
  return {
    _id: id,
    profile: { name, contact: { email, phone }, 'Company Name': company },
    addresses: [{ city, country }],
    segment,
    spent: '1990.50',
    order: { rows: lines },
    changed: Date.parse(updatedAt) / 1_000,
  };
}

const fromEnvironment = (name: string): string => `\${${name}}`;

/** A pipeline whose entity has the bench's queue, and finds its fields where {@link rawRecord} puts them. */
function writePipeline(bench: Bench): string {
  const file = join(mkdtempSync(join(bench.folder, 'pipeline-')), 'pipeline.json');
  const customer = {
    dataset: 'customers',
    queue: 'customer_data',
    key: 'id',
    version: 'updatedAt',
    fields: {
      id: 'string $._id',
      name: 'string $.profile.name',
      email: 'string $.profile.contact.email',
      phone: 'string? $.profile.contact.phone',
      company: "string? $.profile['Company Name']",
      city: 'string? $.addresses[0].city',
      country: 'string? $.addresses[0].country',
      segment: 'string?',
      spent: 'decimal? $.spent',
      lines: { type: 'list', from: '$.order.rows', items: { sku: 'string', quantity: 'integer' } },
      updatedAt: { type: 'datetime', from: '$.changed', unit: 's' },
      isGood: { type: 'boolean', value: 'spent != null && spent > 1000.0' },
    },
  };
  const paging = { type: 'cursor', next: '$.nextCursor', sizeParameter: 'limit', size: 100 };
  const endpoint = {
    url: `${fromEnvironment('CRM_URL')}/customers`,
    entity: 'customer',
    schedule: { every: '1h' },
    items: '$.data',
    paging,
    where: 'segment != "draft"',
  };
  writeFileSync(file, JSON.stringify({ entities: { customer }, endpoints: { 'crm-customers': endpoint } }));
  return file;
}
