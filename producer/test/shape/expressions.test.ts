import { createRegistry, parseJson, stringifyJson } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { createPollMetrics } from '../../src/metrics.js';
import { EndpointFindings } from '../../src/shape/endpoint-findings.js';
import { ShapeFindings } from '../../src/shape/findings.js';
import { compileShape } from '../../src/shape/shape.js';
import { recordingLog } from '../support/log.js';
import { endpointWith } from '../support/pipeline.js';

function endpointOf(fields: object, settings: object) {
  const thing = { dataset: 'things', queue: 'things', key: 'id', fields: { id: 'string', ...fields } };
  return endpointWith({ url: 'http://127.0.0.1:1/', entity: 'thing', ...settings }, { entities: { thing } });
}

/** The shape of an endpoint with computed fields, or with a filter. */
function shapeWith(fields: object, settings: object = {}) {
  const { entity, config } = endpointOf(fields, settings);
  const findings = new ShapeFindings();
  const shape = compileShape(entity.config, config, findings);
  return { of: (raw: object) => ({ ...shape.of(raw) }), findings };
}

describe('a computed field', () => {
  const fields = {
    total: 'decimal? $.total_price',
    count: 'integer?',
    net: { type: 'decimal', value: 'total * 0.81' },
    dear: { type: 'boolean', value: 'net > 1000.0' },
    label: { type: 'string', value: 'string(count) + " x " + raw.kind' },
    size: { type: 'number', value: 'double(count) / 2.0' },
  };

  it('is made of the fields before it, by their types, and of the raw record', () => {
    const { of, findings } = shapeWith(fields);
    expect(of({ id: 'T', total_price: '1990.00', count: '3', kind: 'mug' }).record).toEqual({
      id: 'T',
      total: '1990.00',
      count: 3,
      net: '1611.9000',
      dear: true,
      label: '3 x mug',
      size: 1.5,
    });
    expect(findings.take()).toBe('');
  });

  it.each([
    [{ type: 'string', value: 'raw.a.b' }, { a: { b: 'x' } }, 'x'],
    [{ type: 'string?', value: 'raw.a.b' }, { a: { b: null } }, undefined],
    [{ type: 'integer', value: '1 + 1' }, {}, 2],
    [{ type: 'integer', value: '9007199254740993 + 1' }, {}, '9007199254740994'],
    [{ type: 'number', value: '1' }, {}, 1],
    [{ type: 'decimal', value: '0.1' }, {}, '0.1'],
    [{ type: 'datetime', value: "timestamp('2024-05-01T10:00:00Z')" }, {}, '2024-05-01T10:00:00.000Z'],
    [{ type: 'datetime', value: "'2024-05-01 10:00'" }, {}, '2024-05-01T10:00:00.000Z'],
    [{ type: 'date', value: "timestamp('2024-05-01T10:00:00Z')" }, {}, '2024-05-01'],
    [{ type: 'json', value: "{'a': [1, raw.a]}" }, { a: 'x' }, { a: [1, 'x'] }],
  ])('%j of %j is %j', (field, raw, value) => {
    const { of } = shapeWith({ f: field });
    expect((of({ id: 'T', ...raw }).record as { f?: unknown }).f).toEqual(value);
  });

  it('is absent, without a word, where it is optional and an optional field that it reads is absent', () => {
    const { of, findings } = shapeWith({ total: 'decimal?', double: { type: 'decimal?', value: 'total * 2' } });
    expect(of({ id: 'T' }).record).toEqual({ id: 'T' });
    expect(findings.take()).toBe('');
  });

  it('that fails costs no record: it is absent, and that is told', () => {
    const { of, findings } = shapeWith({ count: 'integer', half: { type: 'integer', value: '10 / count' } });
    expect(of({ id: 'T', count: 0 }).record).toEqual({ id: 'T', count: 0 });
    expect(findings.take()).toContain('the expression of fields.half failed: division by zero');
    expect(of({ id: 'T', count: 'what?' }).record).toEqual({ id: 'T', count: 'what?' });
    expect(findings.take()).toContain('the expression of fields.half failed');
  });
});

describe('where', () => {
  it.each([
    ['status != "draft"', { status: 'draft' }, true],
    ['status != "draft"', { status: 'paid' }, false],
    ['status == null || status != "draft"', {}, false],
    ['raw.status == "draft"', { status: 'draft' }, false],
    ['has(raw.kind) && raw.kind == "a"', {}, true],
    ['total > 10', { total: '9.99' }, true],
    ['at > timestamp("2024-01-01T00:00:00Z")', { at: '2024-05-01 10:00' }, false],
    ['lines.exists(l, l.sku == "b")', { lines: [{ sku: 'a' }] }, true],
  ])('%s of %j leaves the record out: %s', (where, raw, isFiltered) => {
    const fields = {
      status: 'string?',
      total: 'decimal?',
      at: 'datetime?',
      lines: { type: 'list?', items: { sku: 'string' } },
    };
    const { of } = shapeWith(fields, { where });
    expect(of({ id: 'T', ...raw }).isFiltered).toBe(isFiltered);
  });

  it('that fails lets the record pass; that is told once, and counted', async () => {
    const endpoint = endpointOf({ status: 'string?' }, { where: 'status.startsWith("a")' });
    const { log, lines } = recordingLog();
    const registry = createRegistry('test');
    const news = new EndpointFindings(endpoint, createPollMetrics(registry), log);
    const shape = compileShape(endpoint.entity.config, endpoint.config, news);
    for (let page = 0; page < 3; page++) {
      expect(shape.of({ id: 'T' }).isFiltered).toBe(false);
      expect(shape.of({ id: 'T', status: 'b' }).isFiltered).toBe(true);
      expect(shape.of('what?')).toEqual({ record: 'what?', isFiltered: false, isDeleted: false });
      shape.tell();
    }
    expect(lines).toMatchObject([
      { level: 'warn', endpoint: 'crm', expression: 'where', msg: expect.stringContaining('the record is published') },
    ]);
    expect(await registry.metrics()).toMatch(/tributary_poll_expression_failures_total\{[^}]*\} 3/);
  });

  it('is not taken in by names that every object has', () => {
    const { of } = shapeWith({}, { where: '!has(raw.constructor) && !has(raw.toString)' });
    expect(of({ id: 'T' }).isFiltered).toBe(false);
    const { of: other } = shapeWith({}, { where: 'raw.__proto__ == 1' });
    expect(other(parseJson('{"id":"T"}') as object).isFiltered).toBe(false);
  });
});

describe('deletes.when', () => {
  const fields = { number: 'integer', name: 'string', archived: 'boolean?', at: 'datetime' };
  const raw = { id: 'T', number: '7', name: 'x', at: '2024-05-01 10:00' };

  it.each([
    ['archived != null && archived', { archived: true }, true],
    ['archived != null && archived', { archived: 'false' }, false],
    ['raw.deleted_at != null', { deleted_at: '2024-01-01' }, true],
    ['raw.deleted_at != null', { deleted_at: null }, false],
    ['has(raw._deleted)', { _deleted: true }, true],
  ])('%s of %j deletes the record: %s', (when, more, isDeleted) => {
    const { of } = shapeWith(fields, { deletes: { when } });
    const shaped = of({ ...raw, ...more });
    expect(shaped.isDeleted).toBe(isDeleted);
    expect(shaped.record).toEqual(
      isDeleted
        ? { id: 'T', _deleted: true }
        : expect.objectContaining({ id: 'T', number: 7, name: 'x', at: '2024-05-01T10:00:00.000Z' }),
    );
  });

  it('keeps each part of the key, and the version', () => {
    const thing = { dataset: 'things', queue: 'things', key: ['id', 'number'], version: 'at' };
    const entities = { thing: { ...thing, fields: { id: 'string', ...fields } } };
    const settings = { url: 'http://127.0.0.1:1/', entity: 'thing', deletes: { when: 'raw.gone' } };
    const { entity, config } = endpointWith(settings, { entities });
    const shape = compileShape(entity.config, config, new ShapeFindings());
    const { record } = shape.of({ ...raw, gone: true });
    expect(record).toEqual({ id: 'T', number: 7, at: '2024-05-01T10:00:00.000Z', _deleted: true });
  });

  it('holds also of a record that where leaves out: it may have been there before', () => {
    const { of } = shapeWith(fields, { where: 'name == "a"', deletes: { when: 'archived == true' } });
    expect(of({ ...raw, archived: true })).toEqual({
      record: { id: 'T', _deleted: true },
      isFiltered: false,
      isDeleted: true,
    });
    expect(of(raw)).toMatchObject({ isFiltered: true, isDeleted: false });
  });

  it('that fails deletes nothing, and is told', () => {
    const { of, findings } = shapeWith(fields, { deletes: { when: 'raw.gone.yes' } });
    expect(of(raw)).toMatchObject({ isFiltered: false, isDeleted: false, record: { name: 'x' } });
    expect(findings.take()).toContain('the expression of deletes.when failed');
  });
});

describe('what an expression reads of the raw record', () => {
  it('is no unknown field', () => {
    const { of, findings } = shapeWith({ kind: { type: 'string', value: 'raw.a + raw["b c"]' } });
    expect(stringifyJson(of({ id: 'T', a: 'x', 'b c': 'y', d: 1 }).record)).toBe('{"id":"T","kind":"xy"}');
    expect(findings.take()).toBe('; unknown fields, which are left out: d');
  });
});
