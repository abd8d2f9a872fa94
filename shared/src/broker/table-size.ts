/** Deeper headers are not read or copied: each level takes stack, here and in the broker's clients. */
export const DEEPEST = 64;

/** The largest value of an unsigned integer of 64 bits, which AMQP's timestamps are. */
const MOST_UINT64 = 2n ** 64n - 1n;

/**
 * The bytes of a table of headers as AMQP 0-9-1 encodes it, or a little more.
 * @returns undefined if it cannot be encoded
 */
export function tableSize(table: object, depth = 0): number | undefined {
  let size = 4;
  for (const name in table) {
    const value = (table as Readonly<Record<string, unknown>>)[name];
    if (value === undefined) continue;
    const bytes = entrySize(name, value, depth);
    if (bytes === undefined) return undefined;
    size += bytes;
  }
  return size;
}

/** The bytes of one header, name and value. @returns undefined if it cannot be encoded */
export function entrySize(name: string, value: unknown, depth = 0): number | undefined {
  const nameBytes = Buffer.byteLength(name);
  const valueBytes = valueSize(value, depth);
  // A name of invalid UTF-8 may be longer now than it was when it came.
  return nameBytes > 255 || valueBytes === undefined ? undefined : 1 + nameBytes + valueBytes;
}

function valueSize(value: unknown, depth: number): number | undefined {
  if (depth > DEEPEST) return undefined;
  switch (typeof value) {
    case 'string':
      return 5 + Buffer.byteLength(value);
    case 'boolean':
      return 2;
    case 'number':
      return isEncodable(value) ? 9 : undefined;
    case 'object':
      return objectSize(value, depth);
    default:
      return undefined;
  }
}

/** amqplib writes a number as an integer of 64 bits where it is not sure to be a fraction, and cannot where it is none. */
function isEncodable(value: number): boolean {
  const isFraction = value >= 2 ** 63 || (Math.abs(value) < 2 ** 50 && Math.floor(value) !== value);
  return isFraction || (Number.isInteger(value) && value >= -(2 ** 63));
}

function objectSize(value: object | null, depth: number): number | undefined {
  if (value === null) return 1;
  if (Buffer.isBuffer(value)) return 5 + value.length;
  if (Array.isArray(value)) {
    let size = 5;
    for (const item of value) {
      const bytes = valueSize(item, depth + 1);
      if (bytes === undefined) return undefined;
      size += bytes;
    }
    return size;
  }
  if (Object.hasOwn(value, '!')) return typedSize(value as { '!': unknown; value?: unknown });
  const size = tableSize(value, depth + 1);
  return size === undefined ? undefined : 1 + size;
}

/** What amqplib gives for types that JavaScript lacks. Other objects with such a property are not from it. */
function typedSize({ '!': type, value }: { '!': unknown; value?: unknown }): number | undefined {
  if (type === 'timestamp') {
    const fits = typeof value === 'number' && Number.isInteger(value) && value >= 0 && BigInt(value) <= MOST_UINT64;
    return fits ? 9 : undefined;
  }
  if (type !== 'decimal' || typeof value !== 'object' || value === null) return undefined;
  const { places, digits } = value as { places?: unknown; digits?: unknown };
  return typeof places === 'number' && typeof digits === 'number' ? 6 : undefined;
}
