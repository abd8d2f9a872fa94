import { ExpressionError } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { groupsOf } from '../../src/dead-letters/groups.js';
import type { ListedLetter } from '../../src/dead-letters/letter.js';
import { type Expressions, Mending } from '../../src/dead-letters/mending.js';
import { sampleConfig } from '../sample.js';

const { customer } = sampleConfig('/nowhere').entities;

function mend(set: Expressions, record: unknown): unknown {
  if (customer === undefined) throw new Error('the sample has customers');
  const body = Buffer.from(typeof record === 'string' ? record : JSON.stringify(record));
  return JSON.parse(new Mending(customer, set).mend(body).body.toString());
}
const fault =
  (set: Expressions, record: unknown = {}) =>
  () =>
    mend(set, record);

describe('the records of dead letters', () => {
  it('get the value that an expression gives, and keep all else as it is', () => {
    const record = { id: 'a', points: 'two', spent: '12.5', strange: { a: [1] } };
    expect(mend({ points: 'points == "two" ? 2 : 0', spent: 'double(spent)' }, record)).toEqual({
      id: 'a',
      points: 2,
      spent: 12.5,
      strange: { a: [1] },
    });
  });

  it('keep a number that a double would alter, and the digits of decimals', () => {
    const body = '{"id":"a","points":12345678901234567890123,"balance":"0.1"}';
    if (customer === undefined) throw new Error('the sample has customers');
    const { body: mended } = new Mending(customer, { balance: 'balance * decimal("3")' }).mend(Buffer.from(body));
    expect(mended.toString()).toBe('{"id":"a","points":12345678901234567890123,"balance":"0.3"}');
  });

  it('lose a field that becomes null, and may have one from anywhere in the record', () => {
    expect(
      mend({ points: 'null', note: 'raw.notes[0].text' }, { id: 'a', points: 'x', notes: [{ text: 'n' }] }),
    ).toEqual({ id: 'a', note: 'n', notes: [{ text: 'n' }] });
  });

  it('may have their lists mended', () => {
    const lines = [{ sku: 's', quantity: 'two' }];
    const set = { lines: 'lines.map(line, {"sku": line.sku, "quantity": line.quantity == "two" ? 2 : 0})' };
    expect(mend(set, { id: 'a', lines })).toEqual({ id: 'a', lines: [{ sku: 's', quantity: 2 }] });
  });

  it('read the record as it lies there, whichever expression is first', () => {
    const set = { name: 'note', note: 'name' };
    expect(mend(set, { id: 'a', name: 'n', note: 'o' })).toEqual({ id: 'a', name: 'o', note: 'n' });
  });

  it('are refused by an expression that is none, with the field it is for', () => {
    expect(fault({ pints: '1' })).toThrow(/there is no field "pints": id, name, note/);
    expect(fault({ points: 'pints + 1' })).toThrow(/^points: no field "pints": /);
    expect(fault({ points: '1 +' })).toThrow(/^points: /);
    expect(fault({ points: '"text"' })).toThrow(/^points: its value is of type string, expected int/);
    expect(fault({ name: 'name.matches("(a+)+$")' })).toThrow(/^name: matches is not supported/);
    expect(fault({ pints: '1' })).toThrow(ExpressionError);
  });

  it('stay, with words, where an expression cannot be evaluated', () => {
    expect(fault({ points: 'int(points)' }, { id: 'a', points: 'two' })).toThrow(/the expression for "points" fails: /);
    expect(fault({ points: '1' }, '[1]')).toThrow('the record is not an object');
    expect(fault({ points: '1' }, '{"id":')).toThrow('not JSON');
  });
});

describe('dead letters of one cause', () => {
  const letter = (id: string, more: Partial<ListedLetter> = {}): ListedLetter => ({
    id,
    queue: 'q',
    entity: 'customer',
    endpoint: 'crm',
    key: id,
    messageId: id,
    version: '',
    run: 1,
    fetchedAt: '',
    deadAt: '',
    code: 'field_invalid',
    reason: 'why',
    field: 'age',
    size: 1,
    preview: '{}',
    now: { passes: false, problem: null },
    ...more,
  });

  it('are one group, with its newest letter, and the largest group is first', () => {
    const groups = groupsOf([
      letter('a', { field: null }),
      letter('b', { now: { passes: true, problem: null } }),
      letter('c', { endpoint: 'other' }),
      letter('d', { now: { passes: null, problem: null } }),
      letter('e'),
    ]);
    expect(
      groups.map(({ letters, passing, unknown, field, endpoint, example }) => ({
        letters,
        passing,
        unknown,
        field,
        endpoint,
        id: example.id,
      })),
    ).toEqual([
      { letters: 3, passing: 1, unknown: 1, field: 'age', endpoint: 'crm', id: 'b' },
      { letters: 1, passing: 0, unknown: 0, field: null, endpoint: 'crm', id: 'a' },
      { letters: 1, passing: 0, unknown: 0, field: 'age', endpoint: 'other', id: 'c' },
    ]);
  });
});
