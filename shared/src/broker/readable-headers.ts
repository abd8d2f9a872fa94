import { DEEPEST } from './table-size.js';

/** What this needs of a connection of amqplib, beside what its types tell: the bytes that no frame was made of yet, and what makes one. */
interface Reader {
  rest: Buffer;
  recvFrame(): unknown;
}

/** Bytes of a frame before its payload, and behind it; and in the payload of a frame of properties, those before the properties. */
const BEFORE = 7;
const BEHIND = 1;
const HEAD = 14;

const FRAME_OF_PROPERTIES = 2;

/** The bit of the properties that tells that there are headers, and those of the two short texts before them. */
const HEADERS_BIT = 1 << 13;
const BITS_BEFORE = [1 << 15, 1 << 14];

const code = (letter: string): number => letter.charCodeAt(0);
const LIST = code('A');
const TABLE = code('F');
const LONG = code('l');
const LONG_TOO = code('L');

/** Bytes of a value, by the letter of its type: of a size of its own, or with its length in four bytes before it. */
const SIZES: (number | 'told' | undefined)[] = [];
for (const [letters, size] of [
  ['V', 0],
  ['tbB', 1],
  ['su', 2],
  ['Iif', 4],
  ['D', 5],
  ['lLdT', 8],
  ['SxAF', 'told'],
] as const)
  for (const letter of letters) SIZES[code(letter)] = size;

/** What stands for a header that cannot be read: so deep that whatever copies headers leaves it out, and tells so. */
const UNREADABLE = nested('left out: it is nested too deep, or of an unknown type', DEEPEST + 2);

/**
 * Keeps a connection alive that gets a message whose headers amqplib cannot read: it takes the stack for each level of lists and tables, so
 * that some 5,000 overflow it, and does not know each type that RabbitMQ takes. It would end the connection, RabbitMQ would deliver the
 * message again, and the queue would stand still for ever.
 */
export function readAllHeaders({ connection }: { readonly connection: object }): void {
  const reader = connection as Reader;
  const receive = reader.recvFrame;
  reader.recvFrame = () => {
    reader.rest = withReadableHeaders(reader.rest);
    return receive.call(reader);
  };
}

/** @param bytes begin with a frame, which may not be there as a whole yet. @returns the same, where its headers can be read */
export function withReadableHeaders(bytes: Buffer): Buffer {
  if (bytes.length < BEFORE || bytes[0] !== FRAME_OF_PROPERTIES) return bytes;
  const end = BEFORE + bytes.readUInt32BE(3);
  if (bytes.length < end + BEHIND) return bytes;
  const flags = bytes.readUInt16BE(BEFORE + HEAD - 2);
  if ((flags & HEADERS_BIT) === 0) return bytes;
  let at = BEFORE + HEAD;
  for (const bit of BITS_BEFORE) if ((flags & bit) !== 0) at += 1 + bytes.readUInt8(at);
  const from = at + 4;
  const to = from + bytes.readUInt32BE(at);
  const table = readableTable(bytes.subarray(from, to));
  if (table === undefined) return bytes;
  const before = Buffer.from(bytes.subarray(0, from));
  before.writeUInt32BE(table.length, at);
  before.writeUInt32BE(end - BEFORE + table.length - (to - from), 3);
  return Buffer.concat([before, table, bytes.subarray(to)]);
}

/** @returns undefined if the table can be read as it is */
function readableTable(table: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let kept = 0;
  for (let at = 0; at < table.length; ) {
    const value = at + 1 + table.readUInt8(at);
    const end = endOf(table, value);
    if (end !== undefined && isReadable(table, value, end)) {
      at = end;
      continue;
    }
    // Where the end of a value is not known, nothing behind it is.
    at = end ?? table.length;
    parts.push(table.subarray(kept, value), UNREADABLE);
    kept = at;
  }
  return parts.length === 0 ? undefined : Buffer.concat([...parts, table.subarray(kept)]);
}

/** Where a value ends that begins at this place with the letter of its type; undefined if that is not known. */
function endOf(bytes: Buffer, at: number): number | undefined {
  const size = SIZES[bytes.readUInt8(at)];
  if (size === 'told') return at + 5 + bytes.readUInt32BE(at + 1);
  return size === undefined ? undefined : at + 1 + size;
}

/** Goes through a value, however deep it is, without taking the stack for it. Integers of 64 bits get the one letter that amqplib knows. */
function isReadable(bytes: Buffer, from: number, to: number): boolean {
  if (bytes[from] === LONG_TOO) bytes[from] = LONG;
  if (bytes[from] !== LIST && bytes[from] !== TABLE) return true;
  const open = [{ end: to, isTable: false }];
  for (let at = from; ; ) {
    let level = open.at(-1);
    while (level !== undefined && at >= level.end) {
      open.pop();
      level = open.at(-1);
    }
    if (level === undefined) return true;
    if (level.isTable) at += 1 + bytes.readUInt8(at);
    const end = endOf(bytes, at);
    if (end === undefined) return false;
    const type = bytes[at];
    if (type === LONG_TOO) bytes[at] = LONG;
    if (type === LIST || type === TABLE) {
      if (open.length > DEEPEST) return false;
      open.push({ end, isTable: type === TABLE });
      at += 5;
    } else at = end;
  }
}

/** A text in so many lists, each the only item of the next. */
function nested(text: string, levels: number): Buffer {
  let value = Buffer.concat([Buffer.from('S'), long(Buffer.from(text))]);
  for (let level = 0; level < levels; level++) value = Buffer.concat([Buffer.from('A'), long(value)]);
  return value;
}

function long(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
