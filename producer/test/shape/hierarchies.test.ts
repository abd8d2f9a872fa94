import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRegistry } from '../../../shared/src/index.js';
import { createPollMetrics } from '../../src/metrics.js';
import { EndpointFindings } from '../../src/shape/endpoint-findings.js';
import { NO_KEYS, readProtectionKeys } from '../../src/shape/protect/keys.js';
import { compileShape } from '../../src/shape/shape.js';
import { endpointWith } from '../support/pipeline.js';

const folder = mkdtempSync(join(tmpdir(), 'hierarchies-'));
const file = join(folder, 'cities.csv');
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => writeFileSync(file, 'Ulm;South;Germany\nKiel;North;Germany\n7;odd;number\n'));

const by = (level: number) => ({ type: 'generalise', hierarchy: file, level });

function stage(fields: object, keys = readProtectionKeys({})) {
  const thing = { dataset: 'things', queue: 'things', key: 'id', fields: { id: 'string', ...fields } };
  const endpoint = endpointWith({ url: 'http://127.0.0.1:1/', entity: 'thing' }, { entities: { thing } }, keys);
  const registry = createRegistry('producer');
  const warn = vi.fn();
  const findings = new EndpointFindings(endpoint, createPollMetrics(registry), { warn });
  const shape = compileShape(endpoint.entity.config, endpoint.config, findings, keys);
  const landed = (raw: object) => endpoint.entity.decode(shape.of({ id: '1', ...raw }).record).payload;
  return { endpoint, landed, registry, warn, tell: () => shape.tell() };
}

describe('a field that is made coarser by a file', () => {
  it('lands as the level says; nothing stays nothing', () => {
    const { landed } = stage({
      city: { type: 'string?', protect: by(2) },
      number: { type: 'integer?', protect: by(1) },
      lines: { type: 'list?', items: { city: { type: 'string', protect: by(1) } } },
    });
    expect(landed({ city: 'Ulm', number: 7, lines: [{ city: 'Kiel' }] })).toEqual({
      id: '1',
      city: 'Germany',
      number: 'odd',
      lines: [{ city: 'North' }],
    });
    expect(landed({ city: null })).toEqual({ id: '1' });
  });

  it('lands as * where its value is not in the file, which is counted, and told once without the value', async () => {
    const { landed, warn, tell, registry } = stage({ city: { type: 'string', protect: by(1) } });
    for (const city of ['Secretville', 'ulm', 'Ulm ', '__proto__', 'Ulm']) landed({ city });
    expect(landed({ city: 'Secretville' })).toEqual({ id: '1', city: '*' });
    tell();
    landed({ city: 'Secretville' });
    tell();
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toEqual({ endpoint: 'crm', entity: 'thing', field: 'things.city' });
    expect(JSON.stringify(warn.mock.calls)).not.toContain('Secretville');
    expect(await registry.metrics()).toMatch(/values_not_in_hierarchy_total\{endpoint="crm",field="things.city".*\} 6/);
  });

  it('is another endpoint to poll when the file says something else, and of no other field', () => {
    const fingerprint = (fields: object) => stage(fields).endpoint.fingerprint;
    const city = { city: { type: 'string', protect: by(1) } };
    const listed = { lines: { type: 'list', items: city } };
    const other = { city: { type: 'string', protect: 'mask' } };
    const before = [city, listed, other].map(fingerprint);
    expect([city, listed, other].map(fingerprint)).toEqual(before);
    writeFileSync(file, 'Ulm;South;Germany\nKiel;North;Germany\nBonn;West;Germany\n7;odd;number\n');
    const after = [city, listed, other].map(fingerprint);
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
    expect(after[2]).toBe(before[2]);
  });

  it('is read once by a producer: a file that changes meanwhile counts from the next start', () => {
    const keys = readProtectionKeys({});
    const fields = { city: { type: 'string', protect: by(1) } };
    const before = stage(fields, keys);
    writeFileSync(file, 'Ulm;elsewhere\n');
    expect(stage(fields, keys).endpoint.fingerprint).toBe(before.endpoint.fingerprint);
    expect(stage(fields, keys).landed({ city: 'Ulm' })).toEqual({ id: '1', city: 'South' });
  });

  it('is not published without its file, or by a level that this does not have', () => {
    expect(() => stage({ city: { type: 'string', protect: by(3) } })).toThrow('has 2 levels, and no level 3');
    rmSync(file);
    expect(() => stage({ city: { type: 'string', protect: by(1) } })).toThrow('there is no such file');
    expect(() => stage({ city: { type: 'string', protect: by(1) } }, NO_KEYS)).toThrow('was not read');
  });

  it.each([
    [{ type: 'generalise', hierarchy: file }, 'string', 'hierarchy and level go together'],
    [{ type: 'generalise', first: 2, level: 1 }, 'string', 'hierarchy and level go together'],
    [
      { type: 'generalise', first: 2, hierarchy: file, level: 1 },
      'string',
      'expected one of to, bucket, first and hierarchy',
    ],
    [by(1), 'date', 'hierarchy is for string, integer'],
  ])('refuses %j of a %s', (protect, type, why) => {
    expect(() => stage({ city: { type, protect } })).toThrow(why);
  });
});
