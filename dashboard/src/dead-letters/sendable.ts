import {
  type ConsumeMessage,
  DEAD_LETTER_HEADERS,
  FRAME_OVERHEAD,
  fittingHeaders,
  letterMessageId,
  MOST_HEADER_BYTES,
  tableSize,
  tellCut,
} from '@tributary/shared';

/** Texts of at most 255 bytes in AMQP. Bytes that were not UTF-8 have made them longer, perhaps. */
const TEXTS = ['messageId', 'type', 'appId', 'contentType', 'contentEncoding', 'correlationId'] as const;

/** What the pipeline reads of a message, beside what a letter says of itself: it is kept before all else. */
const READ = ['endpoint', 'entity', 'key', 'version', 'run', 'fetchedAt', 'traceparent'];
const FIRST: ReadonlySet<string> = new Set<string>([...Object.values(DEAD_LETTER_HEADERS), ...READ]);

/** Bytes and characters of what is told of what was cut. */
const TOLD = 1_000;

export interface Sendable {
  readonly properties: Partial<Record<(typeof TEXTS)[number], string>> & {
    readonly timestamp?: number;
    readonly priority?: number;
  };
  readonly headers: Readonly<Record<string, unknown>>;
  /** What was left out, in words; undefined if nothing was. */
  readonly cut: string | undefined;
}

/**
 * A message as amqplib can send it in one frame: as it is, or without what does not fit or cannot be encoded. Another program can send headers
 * that amqplib takes and cannot send again.
 * @param frameMax the bytes of a frame, as agreed with the broker
 */
export function sendable(
  { properties }: Pick<ConsumeMessage, 'properties'>,
  isKept: (header: string) => boolean,
  frameMax = MOST_HEADER_BYTES,
): Sendable {
  const cut: string[] = [];
  const texts: Partial<Record<(typeof TEXTS)[number], string>> = {};
  for (const name of TEXTS) {
    const text: unknown = properties[name];
    if (typeof text !== 'string') continue;
    if (Buffer.byteLength(text) <= 255) texts[name] = text;
    else {
      if (name === 'messageId') texts[name] = letterMessageId(text);
      cut.push(`property ${name} (longer than 255 bytes)`);
    }
  }
  const { priority, timestamp }: { priority?: number; timestamp?: number } = properties;
  const isTime = timestamp === undefined || (Number.isSafeInteger(timestamp) && timestamp >= 0);
  if (!isTime) cut.push('property timestamp (cannot be encoded)');
  const given: Readonly<Record<string, unknown>> = properties.headers ?? {};
  const all = Object.entries(given).filter(([name]) => isKept(name));
  const textBytes = Object.values(texts).reduce((sum, text) => sum + 1 + Buffer.byteLength(text), 0);
  const room = Math.min(frameMax, MOST_HEADER_BYTES) - FRAME_OVERHEAD - textBytes;
  const whole = Object.fromEntries(all);
  const headers =
    Object.getPrototypeOf(given) === Object.prototype && (tableSize(whole) ?? room) < room
      ? whole
      : fitting(all, room - TOLD, cut);
  const told = cut.length === 0 ? undefined : tellCut(cut, TOLD / 4);
  const numbers = {
    ...(priority === undefined ? {} : { priority }),
    ...(timestamp === undefined || !isTime ? {} : { timestamp }),
  };
  return { properties: { ...texts, ...numbers }, headers, cut: told };
}

function fitting(all: readonly (readonly [string, unknown])[], room: number, cut: string[]): Record<string, unknown> {
  const of = (isFirst: boolean) => Object.fromEntries(all.filter(([name]) => FIRST.has(name) === isFirst));
  const first = fittingHeaders(of(true), room / 2, cut);
  return { ...fittingHeaders(of(false), room - (tableSize(first) ?? 0), cut), ...first };
}
