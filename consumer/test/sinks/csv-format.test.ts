import { splitCells } from '@tributary/shared';
import fc from 'fast-check';
import { writeToString } from 'fast-csv';
import { describe, expect, test } from 'vitest';
import { formatLines, lineOf } from '../../src/sinks/csv/format.js';

const textOf = async (lines: string[][]) => (await formatLines(lines.map(lineOf))).toString('utf8');

/** Usual cells, and cells that hardly occur: short ones of the characters that have a meaning in CSV. */
const cell = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.string({
    unit: fc.constantFrom('"', ',', '\r', '\n', '|', ' ', "'", '=', 'a', 'é', '😀', ';', '\t'),
    maxLength: 6,
  }),
);
const lines = fc
  .integer({ min: 2, max: 5 })
  .chain((columns) =>
    fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { minLength: 1, maxLength: 8 }),
  );

describe('lines of CSV', () => {
  test('are what fast-csv writes, to the byte', async () => {
    const property = fc.asyncProperty(lines, async (given) => {
      // A first cell of white space is written in quotes here; fast-csv can only be told to do so for all lines at once.
      fc.pre(given.every(([first = '']) => first === '' || first.trim() !== ''));
      const options = { headers: false, rowDelimiter: '\r\n', includeEndRowDelimiter: true };
      expect(await textOf(given)).toBe(await writeToString(given, options));
    });
    await fc.assert(property, { numRuns: 500 });
  });

  test('are read as the cells that they were made of', async () => {
    const property = fc.asyncProperty(lines, async (given) => {
      for (const cells of given) {
        expect(splitCells((await textOf([cells])).slice(0, -2))).toEqual(cells);
      }
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test('keep their order, whichever of them need quotes', async () => {
    const given = [
      ['a', '1'],
      ['b, c', '2'],
      ['d', '3'],
      ['e "f"', '4'],
      ['g\r\nh', '5'],
      ['i|j', '6'],
      ['k', ''],
    ];
    expect(await textOf(given)).toBe('a,1\r\n"b, c",2\r\nd,3\r\n"e ""f""",4\r\n"g\r\nh",5\r\n"i|j",6\r\nk,\r\n');
  });

  test('are formatted fast even if there are very many, with or without quotes', async () => {
    const given = Array.from({ length: 100_000 }, (_, index) => [
      `C-${index}`,
      index % 3 === 0 ? 'Umbrella, Ltd.' : 'Acme',
    ]);
    const text = await textOf(given);
    expect(text.split('\r\n')).toHaveLength(100_001);
    expect(text.endsWith('C-99998,Acme\r\nC-99999,"Umbrella, Ltd."\r\n')).toBe(true);
  });

  test('that begin with a blank cell have it in quotes, because readers would take it for an empty one otherwise', async () => {
    expect(
      await textOf([
        [' ', 'x'],
        ['', 'y'],
      ]),
    ).toBe('" ",x\r\n,y\r\n');
  });
});
