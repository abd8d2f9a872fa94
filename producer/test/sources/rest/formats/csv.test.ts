import { describe, expect, it } from 'vitest';
import { recordsInCsv } from '../../../../src/sources/rest/formats/csv.js';

const AUTO = { delimiter: 'auto', header: true } as const;
const read = (text: string, settings: Parameters<typeof recordsInCsv>[1] = AUTO) =>
  recordsInCsv(text, settings).records;

describe('the records of a CSV body', () => {
  it('are named by the first line, and every cell is text', () => {
    expect(read('id,name,price\n01,"Jane, ""J"" Doe",1.10\r\n2,"two\nlines",\n')).toEqual([
      { id: '01', name: 'Jane, "J" Doe', price: '1.10' },
      { id: '2', name: 'two\nlines', price: '' },
    ]);
  });

  it('are found with the delimiters that are common', () => {
    for (const delimiter of [',', ';', '\t', '|']) {
      expect(read(`a${delimiter}b\n1${delimiter}2\n3${delimiter}4`)).toEqual([
        { a: '1', b: '2' },
        { a: '3', b: '4' },
      ]);
    }
    expect(read('only\n1\n2\n')).toEqual([{ only: '1' }, { only: '2' }]);
  });

  it('take the names and the delimiter that the settings give', () => {
    expect(read('1;a,b\n', { delimiter: ';', header: ['id', 'text'] })).toEqual([{ id: '1', text: 'a,b' }]);
  });

  it('are none in a body that is empty, or holds its header alone', () => {
    expect(read('')).toEqual([]);
    expect(read('a,b\n')).toEqual([]);
  });

  it('cost each other nothing: a line with too many cells is a record of its own', () => {
    expect(read('a,b\n1,2\n3,4,5\n6\n7,8')).toEqual([
      { a: '1', b: '2' },
      ['3', '4', '5'],
      { a: '6' },
      { a: '7', b: '8' },
    ]);
  });

  it('are refused when the body ends inside quotes', () => {
    expect(() => read('a,b\n1,"cut of')).toThrow(/no whole CSV: Quote Not Closed/);
  });

  it('keep both of two columns of one name, and tell it', () => {
    const { records, doubts } = recordsInCsv('id,name,name\n1,a,b\n', AUTO);
    expect(records).toEqual([{ id: '1', name: 'a', name_2: 'b' }]);
    expect(doubts).toEqual(['the CSV body has two columns "name"; the second is read as "name_2"']);
  });

  it('are read at once from a header of many equal names, with which an API could stop all polling for hours', () => {
    const { records, doubts } = recordsInCsv(`id${',name'.repeat(200_000)}\n1,a\n`, AUTO);
    expect(records).toEqual([{ id: '1', name: 'a' }]);
    expect(doubts).toHaveLength(21);
    expect(doubts.at(-1)).toBe('the CSV body has 199999 columns whose name another one has; each got a number');
  });

  it('may have columns named as what every object has', () => {
    expect(read('__proto__,constructor\n1,2\n').map((record) => Object.entries(record as object))).toEqual([
      [
        ['__proto__', '1'],
        ['constructor', '2'],
      ],
    ]);
  });
});
