import { createRegistry } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { createPollMetrics } from '../../src/metrics.js';
import { EndpointFindings } from '../../src/shape/endpoint-findings.js';
import { compileShape } from '../../src/shape/shape.js';
import { recordingLog } from '../support/log.js';
import { endpointWith } from '../support/pipeline.js';

function setUp(entity: object = {}) {
  const customer = { dataset: 'c', queue: 'c', key: 'id', fields: { id: 'string', at: 'datetime?' }, ...entity };
  const endpoint = endpointWith({ url: 'http://127.0.0.1:1/' }, { entities: { customer } });
  const { log, lines } = recordingLog();
  const registry = createRegistry('test');
  const shape = compileShape(
    endpoint.entity.config,
    endpoint.config,
    new EndpointFindings(endpoint, createPollMetrics(registry), log),
  );
  const page = (...records: object[]) => {
    for (const record of records) shape.of(record);
    shape.tell();
  };
  return { page, lines, metrics: () => registry.metrics() };
}

describe('the news of a shape', () => {
  it('tell once, in one line, which fields are not declared, of which type, and what to add', async () => {
    const { page, lines, metrics } = setUp();
    const odd = { id: 'a', colour: 'red', size: 1, price: 1.5, 'Paper Size': 'A4', since: '2024-05-01T10:00:00Z' };
    page({ ...odd, day: '2024-05-01', on: true, tags: [], empty: null }, odd);
    page(odd);
    expect(lines).toMatchObject([
      {
        level: 'warn',
        endpoint: 'crm',
        entity: 'customer',
        key: 'a',
        fields: ['colour', 'size', 'price', 'Paper Size', 'since', 'day', 'on', 'tags'],
        add: [
          'colour: string?',
          'size: integer?',
          'price: number?',
          `Paper_Size: "string? $['Paper Size']"`,
          'since: datetime?',
          'day: date?',
          'on: boolean?',
          'tags: json?',
        ],
      },
    ]);
    expect(await metrics()).toMatch(/tributary_unknown_fields_total\{[^}]*field="colour"[^}]*\} 3/);
    page({ id: 'b', empty: 'x', more: 1 });
    expect(lines[1]).toMatchObject({ key: 'b', fields: ['empty', 'more'] });
    expect(lines).toHaveLength(2);
  });

  it('tell which of them look like personal data, by name or value, without the value, and count them', async () => {
    const { page, lines, metrics } = setUp({ unknownFields: 'keep' });
    page({
      id: 'a',
      customerPhone: '0170 1234567',
      contact: 'ada@example.org',
      Geburtsdatum: '1815-12-10',
      city_code: 'B',
      colour: 'red',
    });
    const [personal, unknown] = lines;
    expect(personal).toMatchObject({
      level: 'warn',
      fields: ['customerPhone: phone numbers', 'contact: e-mail addresses', 'Geburtsdatum: dates of birth'],
      msg: expect.stringContaining('KEPT IN THE CLEAR'),
    });
    expect(unknown).toMatchObject({ fields: ['customerPhone', 'contact', 'Geburtsdatum', 'city_code', 'colour'] });
    expect(JSON.stringify(lines)).not.toContain('ada@');
    expect(await metrics()).toMatch(
      /tributary_personal_unknown_fields_total\{[^}]*field="contact",kind="email"[^}]*\} 1/,
    );
    expect(await metrics()).not.toMatch(/tributary_personal_unknown_fields_total\{[^}]*colour/);
  });

  it('say what becomes of such fields', () => {
    for (const [unknownFields, fate] of [
      ['tell', 'left out'],
      ['keep', 'kept in the column unknown_fields'],
      ['refuse', 'dead letters'],
    ]) {
      const { page, lines } = setUp({ unknownFields });
      page({ id: 'a', colour: 'red' });
      expect(lines[0]?.msg).toContain(fate);
    }
  });

  it('are bounded, whatever names an API invents', async () => {
    const { page, lines, metrics } = setUp();
    for (let at = 0; at < 1_000; at++) page({ id: 'a', [`field${at}`]: at });
    expect(lines).toHaveLength(200);
    expect((await metrics()).match(/^tributary_unknown_fields_total/gm)).toHaveLength(201);
    page(Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`other${at}`, at])));
    expect(lines).toHaveLength(200);
    const many = setUp();
    many.page(Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`field${at}`, at])));
    expect(many.lines).toHaveLength(1);
    expect(many.lines[0]?.msg).toContain('(and 180 more)');
  });

  it('tell once for each field that times are cut to microseconds', () => {
    const { page, lines } = setUp();
    page({ id: 'a', at: '2024-05-01T10:00:00.123456Z' });
    expect(lines).toEqual([]);
    page({ id: 'a', at: '2024-05-01T10:00:00.1234567Z' }, { id: 'b', at: '2024-05-01T10:00:00.1234567Z' });
    page({ id: 'a', at: '2024-05-01T10:00:00.1234567Z' });
    expect(lines).toMatchObject([{ endpoint: 'crm', entity: 'customer', fields: ['at'], level: 'warn' }]);
  });
});
