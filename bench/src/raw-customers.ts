import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench.js';
import type { customerRecord, Message } from './messages.js';

/** Customers as another API would send them, whose fields are found by paths. */
export const rawMessages = (messages: readonly Message[]): { readonly body: Buffer }[] =>
  messages.map(({ body }) => ({ body: Buffer.from(JSON.stringify(rawRecord(JSON.parse(body.toString())))) }));

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

/**
 * A pipeline whose entity has the bench's queue, and finds its fields where {@link rawRecord} puts them.
 * @param areHashed whether its key and its e-mail address leave the producer as pseudonyms; no two records have the same
 */
export function writePipeline(bench: Bench, areHashed = false): string {
  const file = join(mkdtempSync(join(bench.folder, 'pipeline-')), 'pipeline.json');
  const protect = areHashed ? 'hash' : undefined;
  const fields = {
    id: { type: 'string', from: '$._id', protect },
    name: 'string $.profile.name',
    email: { type: 'string', from: '$.profile.contact.email', protect },
    phone: 'string? $.profile.contact.phone',
    company: "string? $.profile['Company Name']",
    city: 'string? $.addresses[0].city',
    country: 'string? $.addresses[0].country',
    segment: 'string?',
    spent: 'decimal? $.spent',
    lines: { type: 'list', from: '$.order.rows', items: { sku: 'string', quantity: 'integer' } },
    updatedAt: { type: 'datetime', from: '$.changed', unit: 's' },
    isGood: { type: 'boolean', value: 'spent != null && spent > 1000.0' },
  };
  const customer = {
    dataset: 'customers',
    queue: 'customer_data',
    key: 'id',
    version: 'updatedAt',
    fields,
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
