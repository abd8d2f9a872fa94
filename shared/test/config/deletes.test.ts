import { describe, expect, test } from 'vitest';
import { ConfigError, parsePipeline } from '../../src/index.js';

const parse = (endpoints: string) =>
  parsePipeline(
    `
entities:
  order: { dataset: orders, queue: orders, key: id, version: at, fields: { id: string, at: datetime, gone: boolean? } }
endpoints:
${endpoints}
`,
    {},
    'test.yaml',
  );

const order = (settings: string) => `  orders: { url: "http://127.0.0.1:1/", entity: order, ${settings} }`;

function faultsOf(endpoints: string): string[] {
  try {
    parse(endpoints);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
}

describe('deletes', () => {
  test.each([
    ['{ when: gone }', { when: 'gone', missing: false }],
    ['{ when: "raw.deleted_at != null" }', { when: 'raw.deleted_at != null', missing: false }],
    ['{ missing: true }', { missing: true }],
    ['{ missing: true, atMost: "20 %" }', { missing: true, atMost: 0.2 }],
    ['{ missing: true, atMost: 0.5% }', { missing: true, atMost: 0.005 }],
    ['{ missing: true, atMost: "100 %" }', { missing: true, atMost: 1 }],
    ['{ when: gone, missing: true, atMost: all }', { when: 'gone', missing: true, atMost: 'all' }],
  ])('are %s', (deletes, parsed) => {
    expect(parse(order(`deletes: ${deletes}`)).endpoints.orders?.deletes).toEqual(parsed);
  });

  test.each([
    ['deletes: {}', 'deletes: it says nothing: expected when, for an API that marks what is deleted, or missing: true'],
    ['deletes: { when: gone, atMost: "5 %" }', 'deletes.atMost: it limits what may be missing'],
    ['deletes: { when: gonne }', 'deletes.when: "gonne" cannot be evaluated: no field "gonne"'],
    ['deletes: { when: id }', 'deletes.when: "id" cannot be evaluated: its value is of type string, expected bool'],
    ['deletes: { missing: true, atMost: 20 }', 'expected a share such as "20 %", or all'],
    ['deletes: { missing: true, atMost: "120 %" }', 'expected a share such as "20 %", or all'],
    ['deletes: { missing: true, atMost: "100.5 %" }', 'expected a share such as "20 %", or all'],
    [
      'deletes: { missing: true }, incremental: { parameter: since }',
      'deletes.missing: with incremental a poll brings what changed, and nothing is ever seen to be missing: add resync: { every: 24h }',
    ],
    [
      'deletes: { missing: true }, resync: { every: 24h }, incremental: { parameter: since, untilParameter: to, initial: 2024-01-01, window: 30d }',
      'deletes.missing: incremental.window reads in slices, and no walk is over everything: leave one out',
    ],
    ['deletes: { missing: true }, schedule: { once: true }', 'deletes.missing: schedule: { once: true } polls once'],
  ])('%s is a fault', (settings, fault) => {
    expect(faultsOf(order(settings)).join('\n')).toContain(fault);
  });

  test('of what is missing go with incremental where everything is read at times', () => {
    const settings = 'deletes: { missing: true }, resync: { every: 24h }, incremental: { parameter: since }';
    expect(faultsOf(order(settings))).toEqual([]);
  });

  test('of a child are judged by the polls of its parent', () => {
    const child = (more: string) => `
${order(`incremental: { parameter: since }, ${more}`)}
  lines: { url: "http://127.0.0.1:1/{{parent.id}}", entity: order, parent: { endpoint: orders }, deletes: { missing: true } }`;
    expect(faultsOf(child('')).join('\n')).toContain(
      'endpoints.lines.deletes.missing: with incremental of orders, which it is polled for, a poll brings what changed',
    );
    expect(faultsOf(child('')).join('\n')).toContain('add resync: { every: 24h } to orders');
    expect(faultsOf(child('resync: { every: 24h }'))).toEqual([]);
  });

  test.each([
    ['softDelete: true', 'unknown setting softDelete; here it is deletes (how records that the API deletes are'],
    ['tombstones: true', 'unknown setting tombstones; here it is deletes'],
    ['delete: true', 'unknown setting delete; here it is deletes'],
    ['deletes: { field: gone }', 'unknown setting field; here it is when'],
    ['deletes: { hard: true }', 'unknown setting hard; here it is missing'],
    ['deletes: { missing: true, threshold: 20% }', 'unknown setting threshold; here it is atMost'],
  ])('are found by what other tools call them: %s', (settings, words) => {
    expect(faultsOf(order(settings)).join('\n')).toContain(words);
  });
});
