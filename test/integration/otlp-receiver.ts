import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  /** '' for the first of a trace. */
  readonly parentId: string;
  readonly name: string;
  /** As OTLP counts: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  /** Nanoseconds since the epoch. */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly isError: boolean;
}

/** A collector: takes what is sent by OTLP over HTTP in protobuf, and keeps it. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** Headers of the last request. */
  headers: Readonly<Record<string, unknown>> = {};
  /** All that was sent, as text: to look for what should not be there. */
  raw = '';
  readonly #server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    this.headers = request.headers;
    this.raw += body.toString('latin1');
    this.spans.push(...spansOf(body));
    response.setHeader('content-type', 'application/x-protobuf').end();
  });

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  named(name: string): ReceivedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  childrenOf({ traceId, spanId }: ReceivedSpan): ReceivedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId && span.parentId === spanId);
  }
}

type Fields = ReadonlyMap<number, readonly (Buffer | bigint)[]>;

/** opentelemetry/proto/collector/trace/v1/trace_service.proto and what it imports, by the numbers of the fields. */
const spansOf = (request: Buffer): ReceivedSpan[] =>
  messages(read(request), 1).flatMap((resourceSpans) => {
    const service = String(attributesOf(messages(resourceSpans, 1)[0] ?? new Map(), 1)['service.name']);
    return messages(resourceSpans, 2).flatMap((scopeSpans) =>
      messages(scopeSpans, 2).map((span) => ({
        service,
        traceId: hex(span, 1),
        spanId: hex(span, 2),
        parentId: hex(span, 4),
        name: text(span, 5),
        kind: Number(span.get(6)?.[0] ?? 0),
        start: BigInt(span.get(7)?.[0] as bigint),
        end: BigInt(span.get(8)?.[0] as bigint),
        attributes: attributesOf(span, 9),
        links: messages(span, 13).map((link) => ({ traceId: hex(link, 1), spanId: hex(link, 2) })),
        isError: messages(span, 15).some((status) => status.get(3)?.[0] === 2n),
      })),
    );
  });

const bytes = (fields: Fields, number: number): Buffer[] =>
  (fields.get(number) ?? []).filter((value) => typeof value !== 'bigint');
const messages = (fields: Fields, number: number): Fields[] => bytes(fields, number).map(read);
const text = (fields: Fields, number: number): string => bytes(fields, number)[0]?.toString('utf8') ?? '';
const hex = (fields: Fields, number: number): string => bytes(fields, number)[0]?.toString('hex') ?? '';

function attributesOf(fields: Fields, number: number): Record<string, unknown> {
  return Object.fromEntries(
    messages(fields, number).map((pair) => {
      const value = messages(pair, 2)[0] ?? new Map<number, (Buffer | bigint)[]>();
      const [flag, whole] = [value.get(2)?.[0], value.get(3)?.[0]];
      return [text(pair, 1), flag === undefined ? (whole === undefined ? text(value, 1) : Number(whole)) : flag === 1n];
    }),
  );
}

/** The wire format of protobuf: a tag with number and type before each value. */
function read(message: Buffer): Fields {
  const fields = new Map<number, (Buffer | bigint)[]>();
  let at = 0;
  const varint = (): bigint => {
    for (let value = 0n, shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const fixed = (length: 4 | 8): bigint => {
    at += length;
    return length === 8 ? message.readBigUInt64LE(at - 8) : BigInt(message.readUInt32LE(at - 4));
  };
  const sized = (): Buffer => {
    const length = Number(varint());
    at += length;
    return message.subarray(at - length, at);
  };
  const types: Readonly<Record<number, () => Buffer | bigint>> = {
    0: varint,
    1: () => fixed(8),
    2: sized,
    5: () => fixed(4),
  };
  while (at < message.length) {
    const tag = Number(varint());
    const value = types[tag & 7]?.();
    if (value === undefined) throw new Error(`protobuf has no type ${tag & 7}`);
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value]);
  }
  return fields;
}
