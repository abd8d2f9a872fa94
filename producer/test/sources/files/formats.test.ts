import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, test } from 'vitest';
import { idsIn, stageOf } from './stage.js';

/** What one file holds. */
async function contentOf(name: string, content: string | Buffer, settings: object = {}) {
  const { write, poll, doubts } = await stageOf(settings);
  await write(name, content);
  const { records, bad, inputs } = await poll();
  return { records, bad, inputs, doubts };
}

describe('CSV', () => {
  test.each([
    ['comma', 'id,name\n1,x\n'],
    ['semicolon and commas in the cells', 'id;name\n1;x\n2;"a,b,c"\n3;d,e\n'],
    ['tab', 'id\tname\n1\tx\n'],
    ['bar', 'id|name\r\n1|x\r\n'],
    ['mark', '\ufeffid,name\n1,x\n'],
    ['UTF-16', Buffer.from('\ufeffid,name\n1,x\n', 'utf16le')],
    ['no last line end', 'id,name\n1,x'],
    ['blank lines', '\n\nid,name\n\n1,x\n\n'],
    ['mixed line ends', 'id,name\r\n1,x\n2,y\r\n'],
  ])('finds its dialect: %s', async (_name, content) => {
    const { records, bad } = await contentOf('a.csv', content);
    expect(bad).toEqual([]);
    expect(records[0]).toEqual({ id: '1', name: 'x' });
  });

  test('quoted cells hold delimiters, line ends and quotes, whatever the pieces are in which they come', async () => {
    const cell = 'a "quoted", cell\nof "two" lines';
    const long = 'x'.repeat(700_000);
    const quoted = `"${cell.replaceAll('"', '""')}"`;
    const lines = Array.from({ length: 5 }, (_, id) => `${id},${quoted},"${long}"\r\n`).join('');
    const { records, bad } = await contentOf('a.csv', `id,name,more\r\n${lines}9,in "the" middle,\r\n`);
    expect(bad).toEqual([]);
    expect(records).toHaveLength(6);
    for (const record of records.slice(0, 5)) expect(record).toMatchObject({ name: cell, more: long });
    expect(records[5]).toEqual({ id: '9', name: 'in "the" middle', more: '' });
  });

  test('a bad line is one of its own, with its number, and costs no other', async () => {
    const lines = ['id,name', '1,x', '2,x,too many', '3', '4,"text" behind', '5,"never closed', '6,x', '7,a\0b', '8,x'];
    const { records, bad } = await contentOf('a.csv', `${lines.join('\n')}\n`);
    expect(idsIn(records)).toEqual(['1', '6', '8']);
    expect(bad).toEqual([
      'a.csv, line 3: it has 3 cells, and there are 2 columns',
      'a.csv, line 4: it has 1 cells, and there are 2 columns',
      'a.csv, line 5: text stands behind a closing quote',
      'a.csv, line 6: a quote opens in it and does not close before the end of the file',
      'a.csv, line 8: it holds NUL bytes',
    ]);
  });

  test('a quote that is never closed swallows no more than a record may have', async () => {
    const many = Array.from({ length: 20_000 }, (_, id) => `${id},name of ${id}\n`).join('');
    const content = `id,name\na,"open\n${many}b,"open\n${many}c,"closed in\nanother line"\nd,"open\n9,"x",y\n`;
    const { records, bad } = await contentOf('a.csv', content, { maxRecordSize: '64KB' });
    expect(records).toHaveLength(40_001);
    expect(records.at(-1)).toEqual({ id: 'c', name: 'closed in\nanother line' });
    expect(bad).toEqual([
      expect.stringMatching(/line 2: a quote opens in it and does not close within 64 KB/),
      expect.stringMatching(/line 20003: a quote opens/),
      expect.stringMatching(/line 40006: text stands behind a closing quote/),
      expect.stringMatching(/line 40007: it has 3 cells/),
    ]);
  });

  test('a line that is too long is read over, and held in memory only up to the bound', async () => {
    const { records, bad } = await contentOf('a.csv', `id,name\n1,${'x'.repeat(5_000_000)}\n2,y\n`);
    expect(idsIn(records)).toEqual(['2']);
    expect(bad).toEqual(['a.csv, line 2: it is longer than 1 MB (maxRecordSize)']);
  });

  test('bytes that are no text in the encoding are told; another encoding is read', async () => {
    const latin = Buffer.from('id,name\n1,M\xfcller\n2,x\n', 'latin1');
    const asUtf8 = await contentOf('a.csv', latin);
    expect(idsIn(asUtf8.records)).toEqual(['2']);
    expect(asUtf8.bad).toEqual(['a.csv, line 2: it holds bytes that are no UTF-8']);
    const asWindows = await contentOf('a.csv', latin, { encoding: 'windows-1252' });
    expect(asWindows.records[0]).toEqual({ id: '1', name: 'Müller' });
    const utf8 = await contentOf('a.csv', 'id,näme\n1,Müller 😀\n2,"é\nü"\n');
    expect(utf8.records).toEqual([
      { id: '1', näme: 'Müller 😀' },
      { id: '2', näme: 'é\nü' },
    ]);
  });

  test('a header of many equal names is read at once: a small packed file could stop all endpoints for hours', async () => {
    const many = await contentOf('a.csv.gz', gzipSync(`id${',c'.repeat(200_000)}\n1${',x'.repeat(200_000)}\n`));
    expect(Object.entries(many.records[0] as object).slice(-1)).toEqual([['c_200000', 'x']]);
    expect(many.doubts.at(-1)).toContain('there are 199999 columns whose name another one has; each got a number');
  });

  test('names may be given, missing or there twice; short lines may be filled; quotes may mean nothing', async () => {
    const given = await contentOf('a.csv', '1,x\n', { format: { type: 'csv', header: ['id', 'name'] } });
    expect(given.records).toEqual([{ id: '1', name: 'x' }]);
    const none = await contentOf('a.csv', '1,x\n2,y\n', { format: { type: 'csv', header: false } });
    expect(none.records).toEqual([
      ['1', 'x'],
      ['2', 'y'],
    ]);
    const twice = await contentOf('a.csv', 'id,name,name\n1,x,y\n');
    expect(twice.records).toEqual([{ id: '1', name: 'x', name_2: 'y' }]);
    expect(twice.doubts).toEqual([expect.stringContaining('two columns "name"')]);
    const short = await contentOf('a.csv', 'id,name,more\n1,x\n2\n', { format: { type: 'csv', short: 'fill' } });
    expect(short.records).toEqual([{ id: '1', name: 'x' }, { id: '2' }]);
    const plain = await contentOf('a.csv', 'id,name\n1,"x\n', { format: { type: 'csv', quote: false } });
    expect(plain.records).toEqual([{ id: '1', name: '"x' }]);
  });

  test.each([
    ['empty', ''],
    ['only a header', 'id,name\n'],
    ['blank', '\n\n'],
  ])('a file that is %s holds no record, and is no fault', async (_name, content) => {
    const { records, bad, inputs, doubts } = await contentOf('a.csv', content);
    expect({ records, bad, doubts }).toEqual({ records: [], bad: [], doubts: [] });
    expect(inputs).toMatchObject([{ outcome: 'read', records: 0 }]);
  });
});

describe('JSON', () => {
  const pretty = JSON.stringify([{ id: '1', in: { a: ['}', '"]'] } }, { id: '2' }], undefined, 2);

  test.each([
    ['a list', 'a.json', pretty],
    ['a list on one line', 'a.json', '[{"id":"1","in":{"a":["}","\\"]"]}},{"id":"2"}]'],
    ['records one behind the other', 'a.json', '{"id":"1","in":{"a":["}","\\"]"]}}\n{\n"id":"2"}'],
    ['a record a line', 'a.ndjson', '{"id":"1","in":{"a":["}","\\"]"]}}\r\n\n{"id":"2"}'],
    ['a list that is named otherwise', 'a.jsonl', pretty],
    ['JSON that is named CSV', 'a.csv', pretty],
    ['packed', 'a.json.gz', gzipSync(pretty)],
  ])('is read: %s', async (_name, name, content) => {
    const { records, bad } = await contentOf(name, content);
    expect(bad).toEqual([]);
    expect(records).toEqual([{ id: '1', in: { a: ['}', '"]'] } }, { id: '2' }]);
  });

  test('the list may lie below names', async () => {
    const body = JSON.stringify({ about: { data: [1] }, data: { 'the items': [{ id: '1' }, { id: '2' }] }, end: 1 });
    const { records } = await contentOf('a.json', body, { items: "$.data['the items']" });
    expect(idsIn(records)).toEqual(['1', '2']);
    const missing = await contentOf('a.json', body, { items: '$.nothing' });
    expect(missing.inputs).toMatchObject([
      { outcome: 'refused', reason: expect.stringContaining('no list at $.nothing') },
    ]);
  });

  test('a bad record is one of its own, and costs no other', async () => {
    const { records, bad } = await contentOf(
      'a.json',
      '[\n{"id":"1"},\n{"id":},\n5,\n{"id":"2"},\n{"id":"3","x":"\n{"id":"4"}\n]',
    );
    expect(idsIn(records)).toEqual(['1', '2', '4']);
    expect(bad).toHaveLength(3);
    const lines = await contentOf('a.ndjson', '{"id":"1"}\n{"id":\n"text"\n{"id":"2"}\n');
    expect(idsIn(lines.records)).toEqual(['1', '2']);
    expect(lines.bad).toEqual([
      expect.stringMatching(/^a.ndjson, line 2: it is no JSON/),
      'a.ndjson, line 3: it is no JSON object',
    ]);
    const cut = await contentOf('a.json', '[{"id":"1"},{"id":"2"}');
    expect(idsIn(cut.records)).toEqual(['1', '2']);
    expect(cut.bad).toEqual(['a.json, record 3: the file ends within the list: it was cut off']);
  });

  test('a packed file that ends early gives what is there, and tells where it ends', async () => {
    const lines = Array.from({ length: 50_000 }, (_, id) => `{"id":"${id}","name":"${Math.sin(id)}"}\n`).join('');
    const packed = gzipSync(lines);
    const { records, bad } = await contentOf('a.ndjson.gz', packed.subarray(0, packed.length / 2));
    expect(records.length).toBeGreaterThan(1_000);
    expect(bad).toEqual([expect.stringMatching(/gzip data of the file are damaged behind it, or end early/)]);
  });
});

describe('Parquet', () => {
  const content = Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: 'id', data: ['1', '2', '3'], type: 'STRING' },
        { name: 'amount', data: [1n, 9007199254740993n, -2n], type: 'INT64' },
        { name: 'at', data: [0, 1, 2].map((day) => new Date(Date.UTC(2026, 0, 1 + day))), type: 'TIMESTAMP' },
      ],
    }),
  );

  test('is read by rows, no digit lost, whatever the file is called', async () => {
    const { records, bad } = await contentOf('a.dat', content, { chunk: 2 });
    expect(bad).toEqual([]);
    expect(records).toEqual([
      { id: '1', amount: 1, at: '2026-01-01T00:00:00.000Z' },
      { id: '2', amount: '9007199254740993', at: '2026-01-02T00:00:00.000Z' },
      { id: '3', amount: -2, at: '2026-01-03T00:00:00.000Z' },
    ]);
  });

  test('keeps every digit of decimals and of times', async () => {
    const decimal = { converted_type: 'DECIMAL', precision: 38, scale: 2 } as const;
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: 'small', data: [150n, -5n, null] },
        { name: 'large', data: [123456789012345678n, -1n, 0n] },
        { name: 'huge', data: [12345678901234567890123456789012345678n, -12345678901234567890n, null] },
        { name: 'at', data: [1_767_225_600_123_456n, -1n, 0n] },
      ],
      schema: [
        { name: 'root', num_children: 4 },
        { name: 'small', type: 'INT32', repetition_type: 'OPTIONAL', ...decimal, precision: 9 },
        { name: 'large', type: 'INT64', repetition_type: 'REQUIRED', ...decimal, precision: 18 },
        { name: 'huge', type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, repetition_type: 'OPTIONAL', ...decimal },
        { name: 'at', type: 'INT64', repetition_type: 'REQUIRED', converted_type: 'TIMESTAMP_MICROS' },
      ],
    });
    const { records, bad } = await contentOf('a.parquet', Buffer.from(bytes));
    expect(bad).toEqual([]);
    expect(records).toEqual([
      {
        small: '1.50',
        large: '1234567890123456.78',
        huge: '123456789012345678901234567890123456.78',
        at: '2026-01-01T00:00:00.123456Z',
      },
      { small: '-0.05', large: '-0.01', huge: '-123456789012345678.90', at: '1969-12-31T23:59:59.999999Z' },
      { small: null, large: '0.00', huge: null, at: '1970-01-01T00:00:00.000000Z' },
    ]);
  });

  test('that was cut off is refused, and told', async () => {
    const { records, inputs } = await contentOf('a.parquet', content.subarray(0, content.length - 20));
    expect(records).toEqual([]);
    expect(inputs).toMatchObject([{ outcome: 'refused', reason: expect.stringContaining('no whole Parquet file') }]);
  });

  test.each([
    [
      'a column has 3,000,000,000 bytes',
      'bytes 4 to 3000000004',
      'UEFSMRUGFSIVJlwVBhUAFQYVABUEFQAAAAMHDzgBAAAAYQEAAABiAQAAAGMVBBUKFQ5MFQIVAAAABRABAAAAeBUGFQgVDFwVBhUAFQYVEBUEFQAAAAMHAgQAAxUEGTxIBHJvb3QVBAAVDCUCGAJpZCUAABUMJQIYAXYlAAAWBhkcGSwmCBwVDBkVABkYAmlkFQIWBhZMFoD4gq0WJgg8NgAoAWMYAWEAGRwVBhUAFQIAAAAmWBwVDBklABAZGAF2FQIWBhZWFoD4gq0WJoABJlgcNgAoAXgYAXgAGSwVBBUAFQIAFQYVEBUCAAAAFqIBFgY2rgEAKAloeXBhcnF1ZXQZLBwAABwAAACvAAAAUEFSMQ==',
    ],
    [
      'it has 2^50 rows',
      '1125899906842624 rows',
      'UEFSMRUGFSIVJlwVBhUAFQYVABUEFQAAAAMHDzgBAAAAYQEAAABiAQAAAGMVBBUKFQ5MFQIVAAAABRABAAAAeBUGFQgVDFwVBhUAFQYVEBUEFQAAAAMHAgQAAxUEGTxIBHJvb3QVBAAVDCUCGAJpZCUAABUMJQIYAXYlAAAWgICAgICAgAQZHBksJggcFQwZFQAZGAJpZBUCFgYWTBZQJgg8NgAoAWMYAWEAGRwVBhUAFQIAAAAmWBwVDBklABAZGAF2FQIWBhZWFl4mgAEmWBw2ACgBeBgBeAAZLBUEFQAVAgAVBhUQFQIAAAAWogEWBjauAQAoCWh5cGFycXVldBksHAAAHAAAAK4AAABQQVIx',
    ],
    [
      'its group has 2^40 rows',
      'more rows than',
      'UEFSMRUGFSIVJlwVBhUAFQYVABUEFQAAAAMHDzgBAAAAYQEAAABiAQAAAGMVBBUKFQ5MFQIVAAAABRABAAAAeBUGFQgVDFwVBhUAFQYVEBUEFQAAAAMHAgQAAxUEGTxIBHJvb3QVBAAVDCUCGAJpZCUAABUMJQIYAXYlAAAWgICAgIBAGRwZLCYIHBUMGRUAGRgCaWQVAhYGFkwWUCYIPDYAKAFjGAFhABkcFQYVABUCAAAAJlgcFQwZJQAQGRgBdhUCFgYWVhZeJoABJlgcNgAoAXgYAXgAGSwVBBUAFQIAFQYVEBUCAAAAFqIBFoCAgICAQDauAQAoCWh5cGFycXVldBksHAAAHAAAALEAAABQQVIx',
    ],
    [
      'it has -5 rows',
      '-5 rows',
      'UEFSMRUGFSIVJlwVBhUAFQYVABUEFQAAAAMHDzgBAAAAYQEAAABiAQAAAGMVBBUKFQ5MFQIVAAAABRABAAAAeBUGFQgVDFwVBhUAFQYVEBUEFQAAAAMHAgQAAxUEGTxIBHJvb3QVBAAVDCUCGAJpZCUAABUMJQIYAXYlAAAWCRkcGSwmCBwVDBkVABkYAmlkFQIWBhZMFlAmCDw2ACgBYxgBYQAZHBUGFQAVAgAAACZYHBUMGSUAEBkYAXYVAhYGFlYWXiaAASZYHDYAKAF4GAF4ABksFQQVABUCABUGFRAVAgAAABaiARYGNq4BACgJaHlwYXJxdWV0GSwcAAAcAAAApwAAAFBBUjE=',
    ],
    [
      'a group has 500,000,000 values',
      '500000000 values',
      'UEFSMRUAFRQVFCwVgJTr3AMVABUGFQYAAAYAAACAlOvcAwAVBBksSARyb290FQIAFQIlAhgCaWQAFoCU69wDGRwZHCYIHBUCGSUABhkYAmlkFQAWgJTr3AMWPhY+JggAABY+FoCU69wDACgBeBkcHAAAAFAAAABQQVIx',
    ],
    [
      'a group has 2,000,000,000 of one value',
      '2000000000 values',
      'UEFSMRUAFRQVFCwVgNCs8w4VBhUGFQYAAAYAAACA0KzzDgEVBBksSARyb290FQIAFQAlABgCaWQAFoDQrPMOGRwZHCYIHBUAGSUABhkYAmlkFQAWgNCs8w4WPhY+JggAABY+FoDQrPMOACgBeBkcHAAAAFAAAABQQVIx',
    ],
    [
      'its decimals have 100,000,000 digits',
      '100000000',
      'UEFSMRUAFcACFcACLBVQFQAVBhUGAAABAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBFQQZLEgEcm9vdBUCABUCJQAYAmlkJQoVgISvXxUSABZQGRwZHCYIHBUCGSUABhkYAmlkFQAWUBbmAhbmAiYIAAAW5gIWUAAoAXgZHBwAAABQAAAAUEFSMQ==',
    ],
    [
      'a group has 3 values, of which a page has 500,000,000',
      'its pages have more',
      'UEFSMRUAFRQVFCwVgJTr3AMVABUGFQYAAAYAAACAlOvcAwAVBBksSARyb290FQIAFQIlAhgCaWQAFoaAgIAAGRwZHCYIHBUCGSUABhkYAmlkFQAWhoCAgAAWPhY+JggAABY+FoaAgIAAACgBeBkcHAAAAFAAAABQQVIx',
    ],
  ])('that says that %s is refused, and told', async (_what, said, packed) => {
    const { records, inputs } = await contentOf('a.parquet', Buffer.from(packed, 'base64'));
    expect(records).toEqual([]);
    expect(inputs).toMatchObject([{ outcome: 'refused', reason: expect.stringContaining(said) }]);
  });
});
