import { gzipSync } from 'node:zlib';
import { stringifyJson } from '@tributary/shared';
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

test.each([
  ['a.csv', 'id,name\r1,x\r2,"y,z"\r'],
  ['a.ndjson', '{"id":"1","name":"x"}\r{"id":"2","name":"y,z"}\r'],
])('lines of %s that end with a carriage return alone are read, and that is told', async (name, text) => {
  const { records, bad, doubts } = await contentOf(name, text);
  expect(records).toEqual([
    { id: '1', name: 'x' },
    { id: '2', name: 'y,z' },
  ]);
  expect(bad).toEqual([]);
  expect(doubts).toEqual([expect.stringContaining('carriage return alone')]);
});

test('a file that was appended to another with its byte order mark costs the line where it begins, and no other', async () => {
  for (const [name, one, other] of [
    ['a.csv', 'id,name\n1,x\n', 'id,name\n2,y\n'],
    ['a.ndjson', '{"id":"1"}\n', '{"id":"0"}\n{"id":"2"}\n'],
  ]) {
    const { records, bad } = await contentOf(name ?? '', `\ufeff${one}\ufeff${other}`);
    expect(idsIn(records)).toEqual(['1', '2']);
    expect(bad).toEqual([expect.stringMatching(/line \d: a byte order mark stands at its beginning/)]);
  }
});

describe('UTF-16', () => {
  const utf16 = (text: string, isBig: boolean) => {
    const bytes = Buffer.from(`\ufeff${text}`, 'utf16le');
    return isBig ? bytes.swap16() : bytes;
  };

  test.each([
    ['little', false],
    ['big', true],
  ])('%s-endian: a half of a pair is told with its line, and costs no other', async (_, isBig) => {
    const { records, bad } = await contentOf('a.csv', utf16('id,name\n1,😀ä\n2,\ud83d\n3,\udc00x\n4,y\n', isBig));
    expect(records).toEqual([
      { id: '1', name: '😀ä' },
      { id: '4', name: 'y' },
    ]);
    expect(bad).toEqual([expect.stringMatching(/line 3: .* no UTF-8/), expect.stringMatching(/line 4: .* no UTF-8/)]);
  });

  test('that ends within a character is told there', async () => {
    const whole = utf16('id,name\n1,x\n2,y', false);
    const { records, bad } = await contentOf('a.csv', whole.subarray(0, whole.length - 1));
    expect(idsIn(records)).toEqual(['1']);
    expect(bad).toEqual([expect.stringMatching(/line 3: /)]);
  });

  test('pairs are whole wherever a piece ends between their halves', async () => {
    const text = `id,name\n${Array.from({ length: 90_000 }, (_, id) => `${id},${id % 2 === 0 ? 'a' : ''}😀😀😀\n`).join('')}`;
    const { records, bad } = await contentOf('a.csv', utf16(text, false));
    expect(bad).toEqual([]);
    expect(records).toHaveLength(90_000);
    expect(records.at(-1)).toEqual({ id: '89999', name: '😀😀😀' });
  });
});

test('a small packed file that unpacks to a line of 64 MB is one dead letter, and costs no other line', async () => {
  const bomb = gzipSync(
    Buffer.concat([Buffer.from('id,name\n1,x\n'), Buffer.alloc(64 * 1024 * 1024, 'a'), Buffer.from('\n2,y\n')]),
  );
  expect(bomb.length).toBeLessThan(100_000);
  const { records, bad } = await contentOf('a.csv.gz', bomb);
  expect(idsIn(records)).toEqual(['1', '2']);
  expect(bad).toEqual([expect.stringMatching(/line 3: it is longer than 1 MB/)]);
});

test.each([
  ['that asks for a window of 1.9 GB', '28b52ffd 00 a7 010000'],
  ['whose one segment says 2 GB', '28b52ffd a0 00000080 010000'],
])('zstd %s is refused before the memory is taken', async (_, hex) => {
  const { inputs } = await contentOf('a.csv.zst', Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  expect(inputs).toMatchObject([{ outcome: 'refused', reason: expect.stringMatching(/zstd data are damaged/) }]);
});

describe('Parquet', () => {
  const fileOf = (column: object, schema: object) =>
    Buffer.from(
      parquetWriteBuffer({
        codec: 'UNCOMPRESSED',
        columnData: [{ name: 'id', data: ['1', '2', '3'] }, { name: 'x', ...column } as never],
        schema: [
          { name: 'root', num_children: 2 },
          { name: 'id', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
          { name: 'x', repetition_type: 'REQUIRED', ...schema } as never,
        ],
      }),
    );

  test('NaN, infinity and days beyond any calendar stay what they are, so that no field takes them for empty', async () => {
    const doubles = fileOf({ data: [Number.NaN, Number.POSITIVE_INFINITY, 0.5] }, { type: 'DOUBLE' });
    const { records } = await contentOf('a.parquet', doubles);
    expect(records.map((record) => (record as { x: unknown }).x)).toEqual(['NaN', 'Infinity', 0.5]);
    const days = fileOf({ data: [200_000_000, 0, -200_000_000] }, { type: 'INT32', converted_type: 'DATE' });
    const read = (await contentOf('a.parquet', days)).records.map((record) => (record as { x: unknown }).x);
    expect(read).toEqual(['200000000', '1970-01-01T00:00:00.000Z', '-200000000']);
  });

  test('text that is no UTF-8 is told with its row and column, and costs no other row', async () => {
    const bytes = [Buffer.from('good'), Buffer.from([0x62, 0xff, 0x64]), Buffer.from('fine')];
    const content = fileOf(
      { data: bytes.map((one) => new Uint8Array(one)) },
      { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
    );
    const { records, bad } = await contentOf('a.parquet', content);
    expect(records).toEqual([
      { id: '1', x: 'good' },
      { id: '3', x: 'fine' },
    ]);
    expect(bad).toEqual([expect.stringMatching(/a\.parquet, row 2: its column x holds bytes that are no UTF-8/)]);
  });

  test.each([['12345678901234567890123'], ['1234567.89012345678901'], ['1e999'], ['-98765432109876543210']])(
    'JSON keeps the number %s, which a double would alter',
    async (number) => {
      const n = 'x'.repeat(number.length - 2);
      const column = { data: [{ n }, { n: 2, list: [0.30000000000000004] }, { n: 3 }] };
      const content = fileOf(column, { type: 'BYTE_ARRAY', converted_type: 'JSON' }).toString('latin1');
      const { records } = await contentOf('a.parquet', Buffer.from(content.replaceAll(`"${n}"`, number), 'latin1'));
      expect(records.map((record) => stringifyJson((record as { x: unknown }).x))).toEqual([
        `{"n":${number}}`,
        '{"n":2,"list":[0.30000000000000004]}',
        '{"n":3}',
      ]);
    },
  );

  test('JSON that is none stays text, and costs no other row', async () => {
    const column = { data: [{ n: 111_111 }, { n: 222_222 }, { n: 333_333 }] };
    const content = fileOf(column, { type: 'BYTE_ARRAY', converted_type: 'JSON' }).toString('latin1');
    const { records, bad } = await contentOf(
      'a.parquet',
      Buffer.from(content.replaceAll('222222', '2torn2'), 'latin1'),
    );
    expect(bad).toEqual([]);
    expect(records).toEqual([
      { id: '1', x: { n: 111_111 } },
      { id: '2', x: '{"n":2torn2}' },
      { id: '3', x: { n: 333_333 } },
    ]);
  });
});
