import type { Channel } from 'amqplib';

/** Properties of a message, and its headers as AMQP 0-9-1 encodes them: any program may send what amqplib cannot. */
export interface RawMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  /** The encoded entries of the table of headers. */
  readonly headers?: Buffer;
  readonly contentType?: Buffer;
  readonly contentEncoding?: Buffer;
  readonly priority?: number;
  readonly correlationId?: Buffer;
  readonly replyTo?: Buffer;
  readonly expiration?: Buffer;
  readonly messageId?: Buffer;
  readonly timestamp?: bigint;
  readonly type?: Buffer;
  readonly userId?: Buffer;
  readonly appId?: Buffer;
}

/** The most that RabbitMQ takes in one frame. */
const FRAME_MAX = 131_072;

/** Publishes on an amqplib channel, past its encoder. */
export function rawPublish(channel: Channel, message: RawMessage): void {
  const { ch, connection } = channel as Channel & { ch: number; connection: { sendBytes(bytes: Buffer): void } };
  const method = Buffer.concat([
    u32(60 * 65_536 + 40),
    u16(0),
    short(message.exchange),
    short(message.routingKey),
    u8(0),
  ]);
  const { flags, fields } = properties(message);
  const header = Buffer.concat([u16(60), u16(0), u64(BigInt(message.body.length)), u16(flags), fields]);
  const frames = [frame(1, ch, method), frame(2, ch, header)];
  for (let at = 0; at < message.body.length; at += FRAME_MAX - 8) {
    frames.push(frame(3, ch, message.body.subarray(at, at + FRAME_MAX - 8)));
  }
  connection.sendBytes(Buffer.concat(frames));
}

function properties(message: RawMessage): { flags: number; fields: Buffer } {
  const given: readonly [bit: number, bytes: Buffer | undefined][] = [
    [15, message.contentType && shortBytes(message.contentType)],
    [14, message.contentEncoding && shortBytes(message.contentEncoding)],
    [13, message.headers && long(message.headers)],
    [12, u8(2)],
    [11, message.priority === undefined ? undefined : u8(message.priority)],
    [10, message.correlationId && shortBytes(message.correlationId)],
    [9, message.replyTo && shortBytes(message.replyTo)],
    [8, message.expiration && shortBytes(message.expiration)],
    [7, message.messageId && shortBytes(message.messageId)],
    [6, message.timestamp === undefined ? undefined : u64(message.timestamp)],
    [5, message.type && shortBytes(message.type)],
    [4, message.userId && shortBytes(message.userId)],
    [3, message.appId && shortBytes(message.appId)],
  ];
  const there = given.filter((one): one is [number, Buffer] => one[1] !== undefined);
  return {
    flags: there.reduce((sum, [bit]) => sum + 2 ** bit, 0),
    fields: Buffer.concat(there.map(([, bytes]) => bytes)),
  };
}

function frame(type: number, channel: number, payload: Buffer): Buffer {
  return Buffer.concat([u8(type), u16(channel), u32(payload.length), payload, u8(0xce)]);
}

export const u8 = (value: number) => Buffer.of(value);
export const u16 = (value: number) => Buffer.from([value >> 8, value & 255]);
export const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
export const u64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
export const short = (text: string) => shortBytes(Buffer.from(text));
const shortBytes = (bytes: Buffer) => Buffer.concat([u8(bytes.length), bytes]);
export const long = (bytes: Buffer) => Buffer.concat([u32(bytes.length), bytes]);

/** One header: its name, the letter of its type, and its value. */
export const entry = (name: Buffer | string, type: string, value: Buffer) =>
  Buffer.concat([typeof name === 'string' ? short(name) : shortBytes(name), Buffer.from(type), value]);

/** The letter of a type, and its value: one in so many lists (A) or tables (F), each the only item of the next. */
export function nested(levels: number, typeOf: (level: number) => 'A' | 'F', inner: Buffer): readonly [string, Buffer] {
  const parts: Buffer[] = [inner];
  let size = inner.length;
  for (let level = 0; level < levels; level++) {
    // The items of a table have names: these are empty.
    const name = typeOf(level) === 'F' ? u8(0) : u8(0).subarray(1);
    size += name.length;
    parts.push(name, Buffer.concat([Buffer.from(typeOf(level)), u32(size)]));
    size += 5;
  }
  const whole = Buffer.concat(parts.reverse());
  return [whole.toString('latin1', 0, 1), whole.subarray(1)];
}

/** Any header of any type that RabbitMQ knows, as deep as that. */
export function randomEntry(random: () => number, depth: number): Buffer {
  const name = random() < 0.1 ? bytes(random, 255) : `h${Math.floor(random() * 1_000)}`;
  return Buffer.concat([typeof name === 'string' ? short(name) : shortBytes(name), randomValue(random, depth)]);
}

function randomValue(random: () => number, depth: number): Buffer {
  const types = depth > 0 ? 'tbBsuIilLfdDSTVxFA' : 'tbBsuIilLfdDSTVx';
  const type = types[Math.floor(random() * types.length)] ?? 'V';
  const value = (): Buffer => {
    const length = Math.floor(random() ** 8 * 9_000);
    switch (type) {
      case 't':
        return u8(random() < 0.5 ? 0 : 1);
      case 'b':
      case 'B':
        return bytes(random, 1);
      case 's':
      case 'u':
        return bytes(random, 2);
      case 'I':
      case 'i':
        return bytes(random, 4);
      case 'f':
      case 'd':
        return fraction(random, type);
      case 'l':
      case 'L':
      case 'T':
        return random() < 0.3 ? Buffer.alloc(8, 0xff) : bytes(random, 8);
      case 'D':
        return bytes(random, 5);
      case 'S':
      case 'x':
        return long(bytes(random, length));
      case 'F':
        return long(Buffer.concat(Array.from({ length: 3 }, () => randomEntry(random, depth - 1))));
      case 'A':
        return long(Buffer.concat(Array.from({ length: 3 }, () => randomValue(random, depth - 1))));
      default:
        return Buffer.alloc(0);
    }
  };
  return Buffer.concat([Buffer.from(type), value()]);
}

/** Of any size, but neither infinite nor NaN, for which RabbitMQ closes the connection of the sender. */
function fraction(random: () => number, type: 'f' | 'd'): Buffer {
  const bytes = Buffer.alloc(type === 'f' ? 4 : 8);
  if (type === 'f') bytes.writeFloatBE((random() - 0.5) * 10 ** (random() * 38));
  else bytes.writeDoubleBE((random() - 0.5) * 10 ** (random() * 300));
  return bytes;
}

export const bytes = (random: () => number, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));

/** Random numbers that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
