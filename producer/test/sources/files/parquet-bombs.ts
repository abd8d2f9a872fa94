import { gzipSync } from 'node:zlib';

/** Bytes of Thrift's compact protocol, in which Parquet says what it holds. */
type Field = readonly [id: number, value: Value];
type Value =
  | { readonly i32: number }
  | { readonly i64: number }
  | { readonly text: string }
  | { readonly list: readonly Value[] }
  | { readonly struct: readonly Field[] };

const TYPES = { i32: 5, i64: 6, text: 8, list: 9, struct: 12 } as const;
const kindOf = (value: Value) => Object.keys(value)[0] as keyof typeof TYPES;

export function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = BigInt(value);
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
  return [...bytes, Number(left)];
}

function bytesOf(value: Value): number[] {
  if ('i32' in value) return varint(value.i32 * 2);
  if ('i64' in value) return varint(value.i64 * 2);
  if ('text' in value) return [...varint(value.text.length), ...Buffer.from(value.text)];
  if ('list' in value) {
    const [first = { i32: 0 }] = value.list;
    return [(value.list.length << 4) | TYPES[kindOf(first)], ...value.list.flatMap((one) => bytesOf(one))];
  }
  let last = 0;
  const fields = value.struct.flatMap(([id, one]) => {
    const head = ((id - last) << 4) | TYPES[kindOf(one)];
    last = id;
    return [head, ...bytesOf(one)];
  });
  return [...fields, 0];
}

export interface Bomb {
  /** The physical type: 0 BOOLEAN, 1 INT32, 6 BYTE_ARRAY. */
  readonly type: number;
  /** 0 REQUIRED, 1 OPTIONAL, 2 REPEATED. */
  readonly repetition: number;
  /** 0 PLAIN, 3 RLE, 7 DELTA_BYTE_ARRAY, 8 RLE_DICTIONARY. */
  readonly encoding: number;
  readonly rows: number;
  readonly page: Buffer;
  /** Whether the page is compressed. */
  readonly isPacked?: boolean;
}

/** A Parquet file of one column, `id`, with one page that says whatever the test wants it to. */
export function bombOf({ type, repetition, encoding, rows, page, isPacked = false }: Bomb): Buffer {
  const data = isPacked ? gzipSync(page) : page;
  const header = bytesOf({
    struct: [
      [1, { i32: 0 }],
      [2, { i32: page.length }],
      [3, { i32: data.length }],
      [
        5,
        {
          struct: [
            [1, { i32: rows }],
            [2, { i32: encoding }],
            [3, { i32: 3 }],
            [4, { i32: 3 }],
          ],
        },
      ],
    ],
  });
  const size = header.length + data.length;
  const meta: Value = {
    struct: [
      [1, { i32: type }],
      [2, { list: [{ i32: encoding }] }],
      [3, { list: [{ text: 'id' }] }],
      [4, { i32: isPacked ? 2 : 0 }],
      [5, { i64: rows }],
      [6, { i64: header.length + page.length }],
      [7, { i64: size }],
      [9, { i64: 4 }],
    ],
  };
  const group: Value = {
    struct: [
      [
        1,
        {
          list: [
            {
              struct: [
                [2, { i64: 4 }],
                [3, meta],
              ],
            },
          ],
        },
      ],
      [2, { i64: size }],
      [3, { i64: rows }],
    ],
  };
  const footer = bytesOf({
    struct: [
      [1, { i32: 2 }],
      [
        2,
        {
          list: [
            {
              struct: [
                [4, { text: 'root' }],
                [5, { i32: 1 }],
              ],
            },
            {
              struct: [
                [1, { i32: type }],
                [3, { i32: repetition }],
                [4, { text: 'id' }],
              ],
            },
          ],
        },
      ],
      [3, { i64: rows }],
      [4, { list: [group] }],
    ],
  });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([
    Buffer.from('PAR1'),
    Buffer.from(header),
    data,
    Buffer.from(footer),
    length,
    Buffer.from('PAR1'),
  ]);
}

/** A run of the hybrid of run lengths and packed bits: one value, some times. */
export const runOf = (value: number, times: number): number[] => [...varint(times * 2), value];

/** With its length before it, as levels are. */
export function levels(bytes: readonly number[]): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, Buffer.from(bytes)]);
}
