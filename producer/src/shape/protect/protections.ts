import {
  decimalOf,
  decimalUnits,
  FatalError,
  type Protection,
  type ProtectionKind,
  type ProtectionOf,
  plainDecimal,
  shortestDecimal,
} from '@tributary/shared';
import { encrypt } from './encrypted.js';
import type { ProtectionKeys } from './keys.js';
import { compilePseudonym } from './pseudonyms.js';

/** Makes of a value in canonical form, as text, what may leave. */
export type Protect = (text: string) => string;

/**
 * @param place the field, for a person
 * @param onUnknown called for each value that a hierarchy does not have
 * @throws FatalError if the key is missing that the protection needs
 */
export function protectionOf(
  protection: Protection,
  keys: ProtectionKeys,
  place: string,
  onUnknown: () => void,
): Protect {
  const make = MAKERS[protection.type] as Make<Protection>;
  return make(protection, keys, place, onUnknown);
}

type Make<P> = (protection: P, keys: ProtectionKeys, place: string, onUnknown: () => void) => Protect;
type Makers = { readonly [K in ProtectionKind]: Make<ProtectionOf<K>> };

const MAKERS: Makers = {
  drop: () => () => '',
  mask: () => mask,
  hash: (_, { hash }, place) => {
    if (hash === undefined) throw missing(place, 'hash', 'PRIVACY_HASH_KEY');
    return compilePseudonym(hash);
  },
  encrypt: (_, { encryption: [key] }, place) => {
    if (key === undefined) throw missing(place, 'encrypt', 'PRIVACY_ENCRYPTION_KEYS');
    return (text) => encrypt(text, key);
  },
  generalise: ({ to, bucket, first, hierarchy, level }, keys, place, onUnknown) => {
    if (hierarchy !== undefined) return stepsOf(hierarchy, level ?? 1, keys, place, onUnknown);
    if (to !== undefined) return (text) => TIMES[to](text);
    if (bucket !== undefined) return bucketsOf(bucket);
    // More characters than there are would show all of them.
    return (text) => `${[...text].slice(0, Math.min(first ?? 0, [...text].length - 1)).join('')}***`;
  },
};

function stepsOf(
  path: string,
  level: number,
  { hierarchies }: ProtectionKeys,
  place: string,
  onUnknown: () => void,
): Protect {
  const found = hierarchies?.of(path);
  if (found === undefined) throw new FatalError('hierarchy_unusable', `${place}: its hierarchy ${path} was not read`);
  if (level > found.levels) {
    const why = `${path} has ${found.levels} levels, and no level ${level}; nothing of this entity is published without it`;
    throw new FatalError('hierarchy_unusable', `${place}: ${why}`);
  }
  const steps = found.at(level);
  return (text) => {
    const step = steps.get(text);
    if (step === undefined) onUnknown();
    return step ?? '*';
  };
}

/** Digits of a number that is masked, and stays masked with its last four to be seen. */
const FEWEST_DIGITS = 8;

/** A date in the orders that people write, wherever it stands: the last digits that are shown would be its year. */
const DATE = new RegExp(
  `(?<!\\d)(?:${[
    String.raw`\d{4}([-./ ])\d{1,2}\1\d{1,2}`,
    String.raw`\d{1,2}([-./ ])\d{1,2}\2\d{4}`,
    '(?:19|20)\\d\\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\\d|3[01])',
    '(?:0[1-9]|[12]\\d|3[01])(?:0[1-9]|1[0-2])(?:19|20)\\d\\d',
  ].join('|')})(?!\\d)`,
);

/** `ada@example.org` is `a***@e***.org`, `+49 170 1234567` is `***4567`, `Lovelace` is `L***`. */
function mask(text: string): string {
  const [, user = '', host = '', end = ''] = /^([^@\s]+)@([^@\s]+)(\.[^@.\s]+)$/.exec(text) ?? [];
  if (host !== '') return `${partOf(user)}@${partOf(host)}${end}`;
  if (DATE.test(text)) return '***';
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

/** `30-40`: from, and up to but without; in whole units, since a double would put large numbers into other buckets. */
function bucketsOf(size: number): Protect {
  const [step, stepScale] = unitsOf(String(size));
  return (text) => {
    const [digits, scale] = unitsOf(text);
    const most = Math.max(scale, stepScale);
    const [value, width] = [digits * 10n ** BigInt(most - scale), step * 10n ** BigInt(most - stepScale)];
    const rest = ((value % width) + width) % width;
    const edge = (units: bigint) => shortestDecimal(decimalOf(units, most));
    return `${edge(value - rest)}-${edge(value - rest + width)}`;
  };
}

const unitsOf = (text: string) => decimalUnits(plainDecimal(text) ?? '0');

const missing = (place: string, kind: ProtectionKind, variable: string) =>
  new FatalError(
    'protection_key_missing',
    `${place}: protect: ${kind} needs ${variable}, which is not set; nothing of this entity is published without it`,
  );
