import { compileCell, decodeCell, encodeCell, type Field } from '@tributary/shared';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFormula } from './spreadsheet.js';

const TEXT: Field = { type: 'string', optional: false, maxLength: 1_000 };
const written = (text: string): string => encodeCell(text, TEXT, true);
const read = (cell: string): unknown => decodeCell(cell, TEXT, true);

const PHONE_NUMBERS = ['+49 30 7374', '+1 (555) 010-9999', '+1 (555)-010-9999', '+49 (0)30 7374', '+1(555)0109999'];
const NUMBERS = ['-12.5', '+3', '-1,234.56', '-1.234,56', '-.5', '-1.5e-7', '+20%', '-7 %', '+4930737400'];
const FORMULAS = [
  '=1+1',
  '=HYPERLINK("http://evil.example","x")',
  '+HYPERLINK("http://evil.example","x")',
  "-1+cmd|' /C calc'!A0",
  "=cmd|' /C calc'!A0",
  '@SUM(1,1)',
  '-2-3',
  '+49*2',
  '+49-30-7374',
  '+1 -5',
  '+1/2',
  '+(1)',
  '-A1',
  '\tx',
  '\rx',
  '\nx',
  '＝1',
  '-',
  '+49 30 7374\nx',
];

/** Texts that a spreadsheet takes apart: LibreOffice at `;` and tabs, Excel at `;` where the comma is the decimal sign, and then at line ends. */
const WITHIN = [
  [';=1+1', ";'=1+1"],
  ['note;=HYPERLINK("http://evil.example","x")', 'note;\'=HYPERLINK("http://evil.example","x")'],
  ['a;=1;b;@SUM(1)', "a;'=1;b;'@SUM(1)"],
  ["a;'=1", "a;''=1"],
  ["x;-1+cmd|' /C calc'!A0", "x;'-1+cmd|' /C calc'!A0"],
  ['x;＝1', "x;'＝1"],
  ['x;+＠SUM(1)', "x;'+＠SUM(1)"],
  ['x\t=1+1', "x\t'=1+1"],
  ['x\n=1+1;y', "x\n'=1+1;y"],
  ['x\r\n=1', "x\r\n'=1"],
  ['\t=1', "'\t'=1"],
  ['\r=1', "'\r'=1"],
  ['\n=1', "'\n'=1"],
  ['+49 30 7374\n=1', "'+49 30 7374\n'=1"],
  ['- one\n- two', "'- one\n- two"],
  ['to do:\n- one\n- two; -5', 'to do:\n- one\n- two; -5'],
  ['office;+1 (555) 010-9999;-12.5', 'office;+1 (555) 010-9999;-12.5'],
  ['see you ;-)', 'see you ;-)'],
  ['a&amp;b; c=d', 'a&amp;b; c=d'],
] as const;

/** Texts of what signs, numbers, names and parentheses are made of. */
const nasty = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'=+-@\'"()1290., %eA*/:;|!\t'), maxLength: 12 }),
  fc.string({ unit: fc.constantFrom(...'+-()49 '), maxLength: 14 }),
  fc
    .array(fc.constantFrom('+', '-', ' ', '(', ')', '1', '49', '555', '-2', ',5', '.5', '%', 'e3', '*2', "'"), {
      maxLength: 7,
    })
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 8 }),
);

describe('a cell of a CSV file', () => {
  test.each([...PHONE_NUMBERS, ...NUMBERS])('that holds %j stays as it is', (text) => {
    expect(written(text)).toBe(text);
  });

  test.each(FORMULAS)("that holds %j gets a ' before it", (text) => {
    expect(written(text)).toBe(`'${text}`);
  });

  test.each(WITHIN)('that holds %j is written as %j', (text, cell) => {
    expect(written(text)).toBe(cell);
    expect(read(cell)).toBe(text);
  });

  test('from before what stands behind separators was looked at is read as it was meant', () => {
    expect(decodeCell("a;'=1", TEXT, 'first')).toBe("a;'=1");
    expect(decodeCell("'=1;'=2", TEXT, 'first')).toBe("=1;'=2");
    expect(decodeCell("a;'=1", TEXT, false)).toBe("a;'=1");
  });

  test('of JSON has no place behind a separator that begins a formula, and stays the same JSON', () => {
    const field: Field = { type: 'json', optional: false, maxLength: 1_000 };
    const value = { 'x;=1+1;': ['a;-2', 'b;c', ";'@SUM(1)"] };
    const cell = encodeCell(value, field, true);
    expect(cell).not.toMatch(/;'*[=+\-@]/);
    expect(decodeCell(cell, field, true)).toEqual(value);
    expect(compileCell(field, true)(value)).toBe(cell);
    expect(encodeCell(value, field, false)).toContain(';=1+1');
  });

  test.each([...PHONE_NUMBERS, ...NUMBERS, ...FORMULAS])('from before numbers stayed bare is read: %j', (text) => {
    // Then every text that begins with a sign got a quote, and one more where it began with quotes itself.
    expect(read(`'${text}`)).toBe(text);
    expect(read(`''${text}`)).toBe(`'${text}`);
  });

  test('is read as the text that was written, whatever that is', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        expect(read(written(text))).toBe(text);
      }),
      { numRuns: 5_000 },
    );
  });

  test('is nothing that a spreadsheet calculates, but for a number', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const cell = written(text);
        if (!isFormula(cell)) return;
        expect(cell).toMatch(/^[+-][\d.,]+(e[+-]?\d+)? ?%?$/i);
      }),
      { numRuns: 20_000 },
    );
  });

  test('is nothing that calls, links or runs, wherever a spreadsheet splits it', () => {
    fc.assert(
      fc.property(nasty, nasty, (one, other) => {
        for (const piece of written(`${one};${other}`).split(/[;\t\r\n]/)) {
          if (isFormula(piece)) expect(piece).toMatch(/^[+-][^(|!]*$|^\+\d[\d ()-]+$/);
        }
      }),
      { numRuns: 20_000 },
    );
  });

  test('of hundreds of digits is judged at once', () => {
    const started = performance.now();
    for (const text of [`+1 ${'1'.repeat(100_000)}x`, `+1${' 1'.repeat(50_000)}x`, `-${'1,'.repeat(50_000)}`]) {
      expect(written(text)).toBe(`'${text}`);
    }
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
