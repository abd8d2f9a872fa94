import type { PersonalKind } from '@tributary/shared';
import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js';
import validator from 'validator';
import { isGivenName } from './given-names.js';

/** How much a value tells that fits: `proof` by itself; `shape` only where the name of its column says the same. */
export type Strength = 'proof' | 'shape';

export interface ValueTest {
  readonly strength: Strength;
  readonly fits: (text: string) => boolean;
}

/** Longer values are text, and not one thing. */
const LONGEST = 120;

/** What values tell of the kinds that have a look of their own. Those that are not here are known by the names of their columns alone. */
export const VALUE_TESTS: Readonly<Partial<Record<PersonalKind, ValueTest>>> = {
  email: proof((text) => text.includes('@') && validator.isEmail(text, { allow_utf8_local_part: true })),
  iban: proof((text) => /^[A-Z]{2}\d{2}/i.test(text) && validator.isIBAN(text)),
  card: proof((text) => /^\d[\d -]{11,22}\d$/.test(text) && validator.isCreditCard(text)),
  nationalId: proof((text) => NATIONAL_IDS.some((fits) => fits(text))),
  ip: proof(
    (text) => (text.includes('.') || text.includes('::') || text.split(':').length === 8) && validator.isIP(text),
  ),
  device: proof((text) => validator.isMACAddress(text, { no_separators: false }) || isImei(text)),
  vehicle: proof(isVin),
  phone: proof(isPhone),
  fax: { strength: 'shape', fits: isPhone },
  address: proof(isStreet),
  coordinates: proof((text) => /^[(]?-?\d{1,2}\.\d{3,},\s*-?\d{1,3}\.\d{3,}[)]?$/.test(text)),
  url: { strength: 'shape', fits: (text) => /^https?:\/\//i.test(text) && validator.isURL(text) },
  name: { strength: 'shape', fits: isNameLike },
  place: { strength: 'shape', fits: isNameLike },
  postcode: { strength: 'shape', fits: (text) => /^[A-Z0-9][A-Z0-9 -]{2,9}$/i.test(text) && /\d/.test(text) },
  birthdate: { strength: 'shape', fits: isPastDate },
  deathdate: { strength: 'shape', fits: isPastDate },
  age: { strength: 'shape', fits: (text) => /^\d{1,3}$/.test(text) && Number(text) <= 125 },
  photo: {
    strength: 'shape',
    fits: (text) => /^(https?:\/\/|data:image\/|\/|[\w.-]+\.(jpe?g|png|webp|gif)$)/i.test(text),
  },
};

function proof(fits: (text: string) => boolean): ValueTest {
  return { strength: 'proof', fits: (text) => text.length <= LONGEST && fits(text) };
}

/** Ids whose digits check themselves, or that are written like nothing else. */
const NATIONAL_IDS: readonly ((text: string) => boolean)[] = [
  (text) => /^(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}$/.test(text),
  (text) => /^[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]$/.test(text),
  (text) => /^[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]$/i.test(text) && validator.isTaxID(text, 'it-IT'),
  (text) => /^([XYZ]\d{7}|\d{8})-?[A-Z]$/i.test(text) && validator.isIdentityCard(text.replace('-', ''), 'ES'),
  isFrenchNumber,
  (text) => /^[1-9]\d ?\d{3} ?\d{3} ?\d{3}$/.test(text) && validator.isTaxID(text.replaceAll(' ', ''), 'de-DE'),
];

/** The number of the INSEE: sex, year, month, place, order, and a key that makes the whole divisible by 97. */
function isFrenchNumber(text: string): boolean {
  const digits = text.replaceAll(' ', '').toUpperCase();
  if (!/^[12]\d{2}(0[1-9]|1[0-2]|[2-9]\d)(\d{2}|2[AB])\d{6}\d{2}$/.test(digits)) return false;
  const number = BigInt(digits.slice(0, 13).replace('2A', '19').replace('2B', '18'));
  return 97n - (number % 97n) === BigInt(digits.slice(13));
}

function isImei(text: string): boolean {
  if (!/^\d{2}-?\d{6}-?\d{6}-?\d$/.test(text)) return false;
  return validator.isLuhnNumber(text.replaceAll('-', ''));
}

const VIN_VALUES: Readonly<Record<string, number>> = Object.fromEntries(
  [...'0123456789ABCDEFGHJKLMNPRSTUVWXYZ'].map((letter) => [
    letter,
    /\d/.test(letter) ? Number(letter) : ((letter.charCodeAt(0) - 65) % 9) + 1,
  ]),
);
const VIN_OF_S_TO_Z: Readonly<Record<string, number>> = { S: 2, T: 3, U: 4, V: 5, W: 6, X: 7, Y: 8, Z: 9 };
const VIN_WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];

/** ISO 3779; its ninth character checks the others (in North America; elsewhere it may be anything, and is not known by it). */
function isVin(text: string): boolean {
  const letters = text.toUpperCase();
  if (!/^[A-HJ-NPR-Z0-9]{17}$/.test(letters) || !/[A-Z]/.test(letters)) return false;
  const sum = [...letters].reduce(
    (total, letter, index) => total + valueOfLetter(letter) * (VIN_WEIGHTS[index] ?? 0),
    0,
  );
  return letters[8] === (sum % 11 === 10 ? 'X' : String(sum % 11));
}

const valueOfLetter = (letter: string): number => VIN_OF_S_TO_Z[letter] ?? VIN_VALUES[letter] ?? 0;

const COUNTRIES: readonly CountryCode[] = ['US', 'GB', 'DE', 'FR', 'ES', 'IT'];

/** A number with a country in front, or one of a country of the five languages that is written as no other number is. */
export function isPhone(text: string): boolean {
  if (!/^\+?[\d\s().\-/x]{7,25}$/.test(text) || /^\d{4}-\d{2}-\d{2}/.test(text)) return false;
  if (text.startsWith('+') || text.startsWith('00'))
    return parsePhoneNumberFromString(text.replace(/^00/, '+'))?.isValid() === true;
  if (!/^[(0]|[\s).\-/]/.test(text) || /^-?\d+\.\d+$|^\d{5}-\d{4}$/.test(text)) return false;
  return COUNTRIES.some((country) => parsePhoneNumberFromString(text, country)?.isValid() === true);
}

const STREET_BEHIND = /\p{L}(stra(ß|ss)e|str\.?|weg|platz|allee|gasse|ring|damm|ufer|chaussee)\s+\d+\s?\p{L}?$/iu;
const STREET_WORDS =
  /(^|[\s,])(street|st\.?|road|rd\.?|avenue|ave\.?|lane|ln\.?|drive|dr\.?|court|ct\.?|boulevard|blvd\.?|way|place|square|terrace|crescent|close|gardens|stra(ß|ss)e|am|an der|rue|impasse|chemin|allée|quai|passage|voie|calle|c\/|plaza|paseo|avda\.?|avenida|camino|ronda|travesía|via|viale|corso|piazza|piazzale|largo|borgo|vicolo|strada|contrada)([\s,]|$)/iu;

/** A number, and a word for a street. */
function isStreet(text: string): boolean {
  if (text.length < 6 || !/\d/.test(text) || /^[\d\s]+$/.test(text) || text.split(/\s+/).length > 10) return false;
  return STREET_BEHIND.test(text) || (STREET_WORDS.test(text) && /(^|\s)\d{1,5}\s?[a-z]?([\s,]|$)/i.test(text));
}

const WORD =
  /^([\p{Lu}\p{Lo}][\p{L}\p{M}'’.·-]*|de|del|della|di|da|la|le|du|des|von|van|der|den|zu|y|e|i|el|los|las)$/u;

/** One to five words that begin with large letters, or are of a script that has none. */
function isNameLike(text: string): boolean {
  const parts = text.split(/\s+/);
  return text.length >= 2 && text.length <= 60 && parts.length <= 5 && parts.every((part) => WORD.test(part));
}

/** Whether a text that looks like a name has a given name that many people have. */
export const hasGivenName = (text: string): boolean => isNameLike(text) && text.split(/[\s'’.-]+/).some(isGivenName);

/** The year of a date, in the ways that dates are written; undefined for anything else. */
export function yearOf(text: string): number | undefined {
  const [, first, last] =
    /^(?:(\d{4})[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ][\d:.,+Z-]*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}))$/.exec(text) ?? [];
  const year = first ?? last;
  return year === undefined ? undefined : Number(year);
}

function isPastDate(text: string): boolean {
  const year = yearOf(text);
  return year !== undefined && year >= 1895 && year <= new Date().getUTCFullYear();
}
