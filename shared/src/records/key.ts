import type { EntityConfig } from '../config/schema.js';

/**
 * An index entry of Postgres holds at most 2,704 bytes. The longest is that of a merged row: two escaped keys,
 * two message ids (AMQP: 255 bytes each) and a hash.
 */
export const MAX_KEY_BYTES = 1_000;

/** Keys as nearly all APIs have them. The rule below accepts them too, but takes longer. */
const PLAIN_KEY = /^[\x20-\x24\x26-\x2e\x30-\x7e]{1,512}$/;

/** Whether a record can have this key: it holds no control character, and is not too long for any sink. */
export const isUsableKey = (key: string): boolean => PLAIN_KEY.test(key) || isUsableUnusualKey(key);

const isUsableUnusualKey = (key: string): boolean =>
  key.length <= 512 && !/\p{Cc}/u.test(key) && Buffer.byteLength(key.replaceAll(/[/%]/g, '%25')) <= MAX_KEY_BYTES;

/** The fields whose values make a record's key. */
export const keyFieldsOf = ({ key }: Pick<EntityConfig, 'key'>): readonly string[] =>
  typeof key === 'string' ? [key] : key;

/** The column that holds a row's key as its record has it; `_key` where a key has several parts, and for merged rows. */
export function keyColumnOf(entity: Pick<EntityConfig, 'key'> | undefined): string {
  const [only, ...more] = entity === undefined ? [] : keyFieldsOf(entity);
  return only === undefined || more.length > 0 ? '_key' : only;
}

/** Several parts as one key that a person can read and {@link splitKey} can take apart: `eu/1001`. */
export const joinKey = (parts: readonly string[]): string => parts.map(escapePart).join('/');

export const splitKey = (key: string): string[] => key.split('/').map(unescapePart);

const escapePart = (part: string): string =>
  /[%/]/.test(part) ? part.replaceAll('%', '%25').replaceAll('/', '%2F') : part;
const unescapePart = (part: string): string => part.replaceAll('%2F', '/').replaceAll('%25', '%');
