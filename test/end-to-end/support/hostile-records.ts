import { cellOf, type Values, withoutNothing } from './content.js';

/** The fields of `thing`, as YAML: one of each type, and names and limits that invite trouble. */
export const THING_FIELDS = `{
      id: string, title: string?, blob: { type: string, optional: true, maxLength: 6000000 }, count: integer?,
      amount: number?, flag: boolean?, at: datetime?, day: date?, extra: json?, constructor: string?, valueOf: integer?,
      lines: { type: list, optional: true, items: { ref: string, note: string? } } }`;

const COLUMNS = [
  'id',
  'title',
  'blob',
  'count',
  'amount',
  'flag',
  'at',
  'day',
  'extra',
  'constructor',
  'valueOf',
  'lines',
];

/** A record that must land, as the API sends it, and what must stand in its cells. */
export interface GoodRecord {
  readonly json: string;
  readonly key: string;
  readonly cells: Readonly<Record<string, string>>;
}

/** A record that can never be written, and what must be said of it. */
export interface BadRecord {
  readonly json: string;
  readonly code: string;
  readonly field?: string;
  /** What the reason names beside endpoint and entity: the key, if there is one to name. */
  readonly names: string;
}

/**
 * @param cells where they are other than the values as they came
 * @param json where JSON.stringify could not write it
 */
function good(
  record: Values & { readonly id: string },
  cells: Readonly<Record<string, string>> = {},
  json?: string,
): GoodRecord {
  const values = withoutNothing(record);
  const plain = COLUMNS.map((column) => [column, Object.hasOwn(values, column) ? cellOf(values[column]) : '']);
  return { json: json ?? JSON.stringify(record), key: record.id, cells: { ...Object.fromEntries(plain), ...cells } };
}

const bad = (record: Values, code: string, field: string | undefined, names = ''): BadRecord => ({
  json: JSON.stringify(record),
  code,
  names,
  ...(field === undefined ? {} : { field }),
});

/** Text that has broken CSV files, spreadsheets and parsers before. */
const TEXTS = [
  '"',
  '""',
  'a "quoted" word',
  ',',
  ';',
  'a,b',
  "'",
  "''",
  "'quoted'",
  '\\',
  '\\"',
  '%00',
  '%s',
  'line\nbreak',
  'line\r\nbreak',
  '\n',
  '\r',
  '\r\n',
  'ends in a break\r\n',
  '\n"\r\n",',
  '=cmd()',
  '=1+1',
  '+1',
  '-1',
  '@x',
  '\tx',
  '\rx',
  "'=1",
  "''@x",
  '＝1',
  '＋1',
  '－1',
  '＠x',
  '"=1"',
  ' =1',
  ' ',
  '  both ends  ',
  '\ttab',
  'null',
  'undefined',
  'true',
  'NaN',
  '007',
  '1e3',
  '[object Object]',
  '_key',
  '👩‍👩‍👧‍👦 family',
  'Zażółć gęślą jaźń',
  'العربية',
  '‮right to left',
  '\ufeffbyte order mark',
  'e\u0301',
  '\u2028\u2029',
  '\u0001\u0002\u0007\b\u000b\f\u001b[31m\u001f\u007f\u0085',
  '<script>alert(1)</script>',
  "'; DROP TABLE things;--",
];

/** 500 characters: as long as an honest key may be, and a little shorter than what is refused. */
export const LONG_KEY = `a/b,c"d'e%2F =@`.repeat(40).slice(0, 500);

/** Five million characters, with quotes and line ends all over. */
const FIVE_MEGABYTES = 'five "mega"\r\nbytes, '.repeat(250_000);

export const GOOD_RECORDS: readonly GoodRecord[] = [
  ...TEXTS.map((title, index) => good({ id: `text-${index}`, title })),
  ...[
    '=1+1',
    '+1',
    '-1',
    '@x',
    "'=1",
    "'",
    '"',
    ',',
    ' ',
    '/',
    '%',
    '%2F',
    '../../etc/passwd',
    'part-1.csv',
    LONG_KEY,
  ].map((id) => good({ id, title: 'its key is odd' })),
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'null', '0', '👩‍👩‍👧‍👦', '_key'].map((id) =>
    good({ id, title: 'its key is odd' }),
  ),
  good({ id: 'empty', title: '', blob: null, count: null, extra: null, lines: [] }),
  good({ id: 'bare' }),
  good({ id: 'five-megabytes', blob: FIVE_MEGABYTES }),
  good({ id: 'numbers', count: Number.MAX_SAFE_INTEGER, amount: 0.1 + 0.2 }),
  good({ id: 'count-unsafe', count: 2 ** 53 }),
  good(
    { id: 'count-of-64-bits' },
    { count: '9223372036854775807' },
    '{"id":"count-of-64-bits","count":9223372036854775807}',
  ),
  good({ id: 'small-numbers', count: -1, amount: 5e-324 }),
  good({ id: 'large-numbers', count: 0, amount: 1.7976931348623157e308 }),
  good({ id: 'minus-zero' }, { count: '0', amount: '0' }, '{"id":"minus-zero","count":-0,"amount":-0.0}'),
  good({ id: 'written-out' }, { count: '1000', amount: '100' }, '{"id":"written-out","count":1e3,"amount":1.00E+2}'),
  // A number is text where text is asked for, and text that is a number is one.
  good({ id: '4711' }, {}, '{"id":4711}'),
  good({ id: 'count-as-text' }, { count: '12', amount: '0.5' }, '{"id":"count-as-text","count":"12","amount":"0.50"}'),
  good({ id: 'false', flag: false }),
  good({ id: 'offset', at: '2024-03-01T01:30:00+02:00' }, { at: '2024-02-29T23:30:00.000Z' }),
  good({ id: 'west', at: '2024-12-31T23:59:59.5-08:00' }, { at: '2025-01-01T07:59:59.500Z' }),
  good({ id: 'microseconds', at: '2024-03-01T01:30:00.123456Z' }),
  good({ id: 'no-offset', at: '2024-03-01T01:30:00' }, { at: '2024-03-01T01:30:00.000Z' }),
  good({ id: 'leap-day', day: '2024-02-29' }),
  good({ id: 'json', extra: { z: [1, 'two\r\n', null, true], a: { '=x': '"' }, '': '@' } }),
  good({ id: 'json-text', extra: '=1' }, { extra: '"=1"' }),
  good({ id: 'json-false', extra: false }),
  // Its unknown fields are left out, whatever they are called.
  good(
    { id: 'unknown-fields' },
    {},
    '{"id":"unknown-fields","surprise":1,"__proto__":{"count":"x"},"_hash":"x","we\\"ird\\nname":2}',
  ),
  good({ id: 'named-like-a-method', constructor: '=new', valueOf: 7 }),
  good({
    id: 'points',
    lines: [{ ref: 'a/b' }, { ref: '__proto__', note: '-1' }, { ref: 'a%2Fb' }, { ref: 'nowhere' }],
  }),
  good({ id: 'points/too', lines: [{ ref: 'constructor' }, { ref: 'a/b' }, { ref: 'a/b', note: 'again' }] }),
];

export const BAD_RECORDS: readonly BadRecord[] = [
  bad({ title: 'no key' }, 'key_missing', 'id'),
  bad({ id: '', title: 'empty key' }, 'key_missing', 'id'),
  bad({ id: null }, 'key_missing', 'id'),
  bad({ id: { nested: 'key' } }, 'key_missing', 'id'),
  bad({ id: ['listed'] }, 'key_missing', 'id'),
  bad({ id: true }, 'key_missing', 'id'),
  bad({ id: 'control\ncharacter' }, 'key_invalid', 'id'),
  bad({ id: 'nul\0' }, 'key_invalid', 'id'),
  bad({ id: 'k'.repeat(513) }, 'key_invalid', 'id'),
  bad({ id: 'half-a-pair-\ud83d' }, 'field_invalid', 'id', 'half-a-pair-'),
  bad({ id: 'count-text', count: 'a dozen' }, 'field_invalid', 'count', 'count-text'),
  bad({ id: 'count-fraction', count: 1.5 }, 'field_invalid', 'count', 'count-fraction'),
  bad({ id: 'count-too-large', count: 2 ** 63 }, 'field_invalid', 'count', 'count-too-large'),
  bad({ id: 'amount-text', amount: 'a lot' }, 'field_invalid', 'amount', 'amount-text'),
  bad({ id: 'flag-text', flag: 'yes' }, 'field_invalid', 'flag', 'flag-text'),
  bad({ id: 'flag-number', flag: 1 }, 'field_invalid', 'flag', 'flag-number'),
  bad({ id: 'at-words', at: 'yesterday' }, 'field_invalid', 'at', 'at-words'),
  bad({ id: 'at-number', at: 1709251200 }, 'field_invalid', 'at', 'at-number'),
  bad({ id: 'at-impossible', at: '2024-02-30T00:00:00Z' }, 'field_invalid', 'at', 'at-impossible'),
  bad({ id: 'day-impossible', day: '2023-02-29' }, 'field_invalid', 'day', 'day-impossible'),
  bad({ id: 'title-object', title: { text: 'x' } }, 'field_invalid', 'title', 'title-object'),
  bad({ id: 'title-nul', title: 'a\0b' }, 'field_invalid', 'title', 'title-nul'),
  bad({ id: 'title-surrogate', title: 'half \ud83d of a pair' }, 'field_invalid', 'title', 'title-surrogate'),
  bad({ id: 'title-long', title: FIVE_MEGABYTES }, 'field_invalid', 'title', 'title-long'),
  bad({ id: 'extra-nul', extra: { deep: ['a\0b'] } }, 'field_invalid', 'extra', 'extra-nul'),
  bad({ id: 'extra-surrogate', extra: { 'half \udc00': 1 } }, 'field_invalid', 'extra', 'extra-surrogate'),
  bad({ id: 'lines-text', lines: 'none' }, 'field_invalid', 'lines', 'lines-text'),
  bad({ id: 'lines-of-text', lines: ['none'] }, 'field_invalid', 'lines.0', 'lines-of-text'),
  bad({ id: 'lines-without', lines: [{ ref: 'a/b' }, { note: 'x' }] }, 'field_invalid', 'lines.1.ref', 'lines-without'),
  // More than a number can hold: not nothing, and not some other number.
  { json: '{"id":"amount-infinite","amount":1e400}', code: 'field_invalid', field: 'amount', names: 'amount-infinite' },
  { json: '{"id":"count-infinite","count":-1e400}', code: 'field_invalid', field: 'count', names: 'count-infinite' },
  ...['null', '42', '"text"', '[1,2]', 'false'].map((json) => ({ json, code: 'not_an_object', names: '' })),
];
