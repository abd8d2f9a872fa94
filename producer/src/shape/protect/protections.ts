import { createHmac } from 'node:crypto';
import { FatalError, type Protection, type ProtectionKind, type ProtectionOf } from '@tributary/shared';
import { encrypt } from './encrypted.js';
import type { ProtectionKeys } from './keys.js';

/** Makes of a value in canonical form, as text, what may leave. */
export type Protect = (text: string) => string;

/**
 * @param place the field, for a person
 * @throws FatalError if the key is missing that the protection needs
 */
export function protectionOf(protection: Protection, keys: ProtectionKeys, place: string): Protect {
  const make = MAKERS[protection.type] as (protection: Protection, keys: ProtectionKeys, place: string) => Protect;
  return make(protection, keys, place);
}

type Makers = {
  readonly [K in ProtectionKind]: (protection: ProtectionOf<K>, keys: ProtectionKeys, place: string) => Protect;
};

const MAKERS: Makers = {
  drop: () => () => '',
  mask: () => mask,
  hash: (_, { hash }, place) => {
    if (hash === undefined) throw missing(place, 'hash', 'PRIVACY_HASH_KEY');
    return (text) => createHmac('sha256', hash).update(text).digest('hex').slice(0, PSEUDONYM);
  },
  encrypt: (_, { encryption: [key] }, place) => {
    if (key === undefined) throw missing(place, 'encrypt', 'PRIVACY_ENCRYPTION_KEYS');
    return (text) => encrypt(text, key);
  },
  generalise: ({ to, bucket, first }) => {
    if (to !== undefined) return (text) => TIMES[to](text);
    if (bucket !== undefined) return (text) => bucketOf(text, bucket);
    // More characters than there are would show all of them.
    return (text) => `${[...text].slice(0, Math.min(first ?? 0, [...text].length - 1)).join('')}***`;
  },
};

/** Hex digits: 128 bits, so that two values never share one. */
const PSEUDONYM = 32;
/** Digits of a number that is masked, and stays masked with its last four to be seen. */
const FEWEST_DIGITS = 8;

/** `ada@example.org` is `a***@e***.org`, `+49 170 1234567` is `***4567`, `Lovelace` is `L***`. */
function mask(text: string): string {
  const [, user = '', host = '', end = ''] = /^([^@\s]+)@([^@\s]+)(\.[^@.\s]+)$/.exec(text) ?? [];
  if (host !== '') return `${partOf(user)}@${partOf(host)}${end}`;
  const digits = text.replace(/\D/g, '');
  const isNumber = digits.length >= FEWEST_DIGITS && /^[\p{Lu}\d\s()+./-]+$/u.test(text);
  if (isNumber) return `***${digits.slice(-4)}`;
  return partOf(text);
}

/** The first of one or two letters would tell nearly all of them. */
const partOf = (text: string): string => ([...text].length > 2 ? `${firstOf(text)}***` : '***');

const firstOf = (text: string): string => String.fromCodePoint(text.codePointAt(0) ?? 0x2a);

const TIMES: Readonly<Record<'year' | 'month' | 'decade', (text: string) => string>> = {
  year: (text) => text.slice(0, 4),
  month: (text) => text.slice(0, 7),
  decade: (text) => `${text.slice(0, 3)}0s`,
};

/** `30-40`: from, and up to but without. */
function bucketOf(text: string, size: number): string {
  const from = Math.floor(Number(text) / size) * size;
  return `${tidy(from)}-${tidy(from + size)}`;
}

/** Without the digits that a sum of doubles invents. */
const tidy = (number: number): string => String(Number(number.toPrecision(12)));

const missing = (place: string, kind: ProtectionKind, variable: string) =>
  new FatalError(
    'protection_key_missing',
    `${place}: protect: ${kind} needs ${variable}, which is not set; nothing of this entity is published without it`,
  );
