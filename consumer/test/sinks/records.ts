import {
  compileEntity,
  contentHash,
  type Dataset,
  datasetsOf,
  ExactNumber,
  joinSides,
  type PipelineConfig,
  parsePipeline,
  plainDecimal,
  type Row,
} from '@tributary/shared';
import fc from 'fast-check';

/** A pipeline with every type of field, twice, and a merge. The name of one field breaks code that quotes it badly. */
export const PIPELINE = `
entities:
  thing:
    dataset: things
    queue: thing_data
    key: id
    version: at
    fields:
      id: string
      at: datetime
      needed_text: string
      text: string?
      "we\\"ird,'na;me--": string?
      needed_whole: integer
      whole: integer?
      needed_size: number
      size: number?
      money: decimal?
      constructor: string?
      needed_flag: boolean
      flag: boolean?
      time: datetime?
      needed_day: date
      day: date?
      needed_json: json
      json: json?
      lines: { type: list, items: { sku: string, quantity: integer, note: string?, at: datetime?, extra: json?, cost: decimal? } }
      more_lines: { type: list, optional: true, items: { sku: string, ratio: number? } }
  part:
    dataset: parts
    queue: part_data
    key: sku
    version: revision
    fields: { sku: string, revision: integer, name: string?, price: number? }
endpoints: {}
merges:
  thing_parts:
    each: { entity: thing, lines: lines }
    with: { entity: part, on: sku }
    columns:
      thing_text: thing.text
      thing_time: thing.time
      thing_json: thing.json
      quantity: line.quantity
      price: part.price
      value: { type: number, decimals: 2, value: double(line.quantity) * part.price }
`;

export const pipeline = (yaml = PIPELINE): PipelineConfig => parsePipeline(yaml, {}, 'test.yaml');

const DATASETS = new Map(datasetsOf(pipeline()).map((dataset) => [dataset.name, dataset]));

export function datasetNamed(name: string): Dataset {
  const found = DATASETS.get(name);
  if (found === undefined) throw new Error(`the test's pipeline has no dataset ${name}`);
  return found;
}

const THING = compileEntity(
  'thing',
  pipeline().entities.thing ?? {
    dataset: '',
    queue: '',
    key: '',
    fields: {},
    unknownFields: 'tell',
  },
);

/** Decodes a raw record as the consumer would. @throws PoisonError if the consumer would not take it */
export function thingRow(raw: unknown, messageId: string): Row {
  const { key, version, hash, payload } = THING.decode(raw);
  const { orderOf } = datasetNamed('things');
  return { dataset: 'things', key, hash, order: orderOf(version, messageId), version, messageId, values: payload };
}

/** Message ids that sort by their number. */
export const messageId = (number: number): string => `0197f0a2-7b4e-7c11-8000-${String(number).padStart(12, '0')}`;

/** The `number`th content of a part; contents of equal names are the same content. */
export function partRow(sku: string, number: number, name = `content ${number}`): Row {
  const values = { sku, revision: number, name };
  const [version, id] = [String(number), messageId(number)];
  const order = datasetNamed('parts').orderOf(version, id);
  return { dataset: 'parts', key: sku, hash: contentHash('part', sku, values), order, version, messageId: id, values };
}

/** The `number`th content of a merged row, or with null the tombstone that closes it. */
export function mergedRow(key: string, number: number, values: Row['values'] = { quantity: number }): Row {
  const version = joinSides(`2025-06-01T00:00:00.${String(number).padStart(3, '0')}Z`, '1');
  const id = joinSides(messageId(number), messageId(0));
  const order = datasetNamed('thing_parts').orderOf(version, id);
  const hash = contentHash('thing_parts', key, values);
  return { dataset: 'thing_parts', key, hash, order, version, messageId: id, values };
}

/** Texts that some program between here and a spreadsheet reads as something else. */
const QUOTING = [
  '"',
  '""',
  "'",
  "''",
  ',',
  ';',
  '\t',
  '\r',
  '\n',
  '\r\n',
  '\\',
  '\\n',
  '\\"',
  ' ',
  '  ',
  '|',
  '{',
  '}',
  '{}',
];
const FORMULAS_AND_NAMES = [
  '=',
  '+',
  '-',
  '@',
  '＝',
  '＋',
  '－',
  '＠',
  "'=",
  "''@",
  '=cmd()',
  'NULL',
  'null',
  '\\N',
  '\\.',
  'true',
  '0',
  '1e3',
];
const UNICODE = [
  '😀',
  '👩‍👩‍👧',
  'é',
  'e\u0301',
  '漢字',
  '\u2028',
  '\u2029',
  '\ufeff',
  '\uffff',
  '\u0001',
  '\u007f',
  '\u0085',
  '\u200f',
];
const MARKUP = ['%', '%2F', '/', '$1', '{x}', '--', '/*', '<b>', '&amp;'];
const NASTY = [QUOTING, FORMULAS_AND_NAMES, UNICODE, MARKUP].flat();

const nasty = fc.oneof(
  { weight: 20, arbitrary: fc.array(fc.constantFrom(...NASTY), { maxLength: 6 }).map((parts) => parts.join('')) },
  { weight: 10, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.replaceAll('\0', '')) },
  // Sometimes a lone surrogate: it must be refused, and nothing else with it.
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom('a', '"', '\n', '\ud83d', '\ude00'), maxLength: 6 }) },
);

const day = fc
  .tuple(fc.integer({ min: 1, max: 9999 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 28 }))
  .map(([year, month, date]) => [String(year).padStart(4, '0'), pad(month), pad(date)].join('-'));
const pad = (number: number) => String(number).padStart(2, '0');

const time = fc
  .tuple(
    fc.oneof(day, fc.constantFrom('0001-01-01', '1970-01-01', '1969-12-31', '2024-02-29', '9999-12-31')),
    fc.constantFrom('00:00:00', '23:59:59', '12:34:56', '02:30:00'),
    fc.constantFrom('', '.0', '.5', '.123', '.1234', '.123456', '.120000', '.999999999', '.000001'),
    fc.constantFrom('Z', '', '+00:00', '-05:00', '+05:45', '+14:00', '-12:00'),
  )
  .map(([date, clock, fraction, offset]) => `${date}T${clock}${fraction}${offset}`);

const whole = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 2 ** 31, -(2 ** 53) + 1, 2 ** 53 - 1),
  // Beyond that in canonical form, and as a number of JSON.
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }).map(String),
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }).map((number) => new ExactNumber(String(number))),
);
const money = fc.oneof(
  fc.constantFrom(
    '0',
    '0.00',
    '19.90',
    '-0.00750',
    '1'.repeat(40),
    `0.${'0'.repeat(30)}1`,
    `${'9'.repeat(500)}.${'9'.repeat(500)}`,
  ),
  fc.stringMatching(/^-?(0|[1-9]\d{0,20})(\.\d{1,20})?$/).filter((text) => plainDecimal(text) === text),
  fc.constantFrom(19.9, 1e-7, 1e21, new ExactNumber('12345678901234567890.10')),
);
/** Numbers that a double cannot hold, as they are found in free JSON. */
const exact = fc.constantFrom(
  ...['1374004777531007833', '12345678901234567890.10', '0.12345678901234567891', '1.5e400', '-1e-320'].map(
    (text) => new ExactNumber(text),
  ),
);
const size = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 0.1, 1e21, 1e-7, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1e100, 1 / 3),
);
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  nasty,
  fc.dictionary(nasty, fc.oneof(nasty, size, fc.constant(null))),
  fc.array(fc.oneof(nasty, size, fc.boolean())),
  fc.constant({ z: 1, a: { y: [1.5, '1', null], b: 1e-9 } }),
  fc.array(fc.oneof(exact, size)),
  exact.map((number) => ({ number })),
);

const optional = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.option(fc.oneof({ weight: 5, arbitrary }, fc.constantFrom(null, '')), { nil: undefined });

/** Records of an odd API. Most are accepted; those that are accepted must come back from a sink as they are. */
export const odd = {
  key: nasty.map((text) => text.replaceAll(/\p{Cc}/gu, '')),
  record: fc.record({
    at: fc.oneof({ weight: 9, arbitrary: fc.constant('2025-06-01T00:00:00Z') }, { weight: 1, arbitrary: time }),
    needed_text: nasty,
    text: optional(nasty),
    'we"ird,\'na;me--': optional(nasty),
    needed_whole: fc.integer(),
    whole: optional(whole),
    needed_size: fc.double({ noNaN: true, noDefaultInfinity: true }),
    size: optional(size),
    money: optional(money),
    needed_flag: fc.boolean(),
    flag: optional(fc.boolean()),
    time: optional(time),
    needed_day: day,
    day: optional(day),
    needed_json: json,
    json: optional(json),
    lines: fc.array(
      fc.record({
        sku: nasty,
        quantity: fc.integer(),
        note: optional(nasty),
        at: optional(time),
        extra: optional(json),
        cost: optional(money),
      }),
      { maxLength: 3 },
    ),
    more_lines: optional(fc.array(fc.record({ sku: nasty, ratio: optional(size) }), { maxLength: 2 })),
  }),
};
