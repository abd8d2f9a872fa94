import { describeError, FatalError, stringifyJson } from '@tributary/shared';

/** As deep as fields of JSON may be, with room for what names them. Deeper, or in a circle, a record cannot be written. */
const DEEPEST = 200;

/**
 * The JSON of a record that a program of this process gave. JSON would write NaN, Infinity and a Date without a time as `null`: the row would have no value,
 * and nobody would know.
 * @throws FatalError in words for what JSON cannot hold
 */
export function textOfGiven(entity: string, record: unknown): string | undefined {
  let fault: string | undefined;
  try {
    fault = faultIn(record, []);
    if (fault === undefined) return stringifyJson(record);
  } catch (cause) {
    // A getter of the record may throw anything.
    fault = `it cannot be read: ${describeError(cause)}`;
  }
  throw new FatalError('record_refused', `${entity}: ${fault}; it was not sent`);
}

/** @param path where the value stands */
function faultIn(value: unknown, path: readonly string[]): string | undefined {
  if (typeof value === 'bigint') return `${named(path)} is a BigInt, which JSON cannot hold: give it as text`;
  if (typeof value === 'number' && !Number.isFinite(value)) return `${named(path)} is ${value}, which JSON cannot hold`;
  if (typeof value !== 'object' || value === null) return undefined;
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? `${named(path)} is a Date without a time` : undefined;
  if (path.length > DEEPEST) return `${named(path.slice(0, 3))} is nested too deep, or holds itself`;
  // It says itself what is written of it.
  if ('toJSON' in value) return undefined;
  for (const [name, one] of Object.entries(value)) {
    const fault = faultIn(one, [...path, name]);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

const named = (path: readonly string[]): string =>
  path.length === 0 ? 'the record' : `"${path.join('.').slice(0, 100)}"`;
