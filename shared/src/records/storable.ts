import { plainDecimal } from './decimal.js';
import { ExactNumber, stringifyJson } from './json.js';

export const STORABLE =
  'holds a NUL character, broken Unicode or a number too large, or is too long or nested over 100 levels deep';

/** Postgres text cannot hold NUL, and a lone surrogate has no UTF-8 form: neither would be read back as it was written. */
export const isStorableText = (value: string): boolean => !value.includes('\0') && value.isWellFormed();

export const isStorableJson = (maxLength: number) => (value: unknown) => {
  if (!isShallowAndFinite(value, 100)) return false;
  const json = stringifyJson(value) ?? '';
  // JSON.stringify escapes both: NUL as \u0000 and lone surrogates as \udXXX.
  return json.length <= maxLength && !/(^|[^\\])(\\\\)*\\u(0000|d[89a-f])/.test(json);
};

/**
 * Real data is not nested so deep, and code that walks such a value by recursion (JSON.stringify, Postgres) runs out of stack.
 * JSON cannot express Infinity, and Postgres cannot hold a number of many thousand digits.
 */
function isShallowAndFinite(value: unknown, levels: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (value === null || typeof value !== 'object') return true;
  if (value instanceof ExactNumber) return plainDecimal(value.toString()) !== undefined;
  return levels > 0 && Object.values(value).every((item) => isShallowAndFinite(item, levels - 1));
}
