import type { Faker } from '@faker-js/faker';
import type { Language } from './headers.js';

/** Made-up national ids with the digits that check them. */
export const NATIONAL_IDS: Readonly<Record<Language, (faker: Faker) => string>> = {
  en: (faker) => `${digits(faker, 100, 665)}-${digits(faker, 10, 99)}-${digits(faker, 1000, 9999)}`,
  de: germanId,
  fr(faker) {
    const birth = `${digits(faker, 1, 2)}${two(faker, 20, 99)}${two(faker, 1, 12)}${two(faker, 1, 95)}`;
    const number = `${birth}${String(faker.number.int({ min: 1, max: 999 })).padStart(3, '0')}${String(faker.number.int({ min: 1, max: 999 })).padStart(3, '0')}`;
    return `${number}${String(97n - (BigInt(number) % 97n)).padStart(2, '0')}`;
  },
  es(faker) {
    const number = faker.number.int({ min: 10_000_000, max: 99_999_999 });
    return `${number}${'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}`;
  },
  it: italianCode,
};

const digits = (faker: Faker, min: number, max: number): string => String(faker.number.int({ min, max }));
const two = (faker: Faker, min: number, max: number): string => digits(faker, min, max).padStart(2, '0');

/** Eleven digits; among the first ten one stands twice and one is missing; the last one checks (ISO 7064, MOD 11,10). */
function germanId(faker: Faker): string {
  const all = faker.helpers.shuffle([1, 2, 3, 4, 5, 6, 7, 8, 9, 0]);
  const first = all.slice(0, 9);
  const place = faker.number.int({ min: 0, max: 6 });
  first.splice(place + 2, 0, first[place] ?? 0);
  if (first[0] === 0) [first[0], first[9]] = [first[9] ?? 1, 0];
  let product = 10;
  for (const digit of first) {
    const sum = (digit + product) % 10 || 10;
    product = (sum * 2) % 11;
  }
  return `${first.join('')}${(11 - product) % 10}`;
}

const ODD = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

function italianCode(faker: Faker): string {
  const consonants = () => faker.helpers.arrayElements([...'BCDFGLMNPRSTVZ'], 3).join('');
  const month = faker.helpers.arrayElement([...'ABCDEHLMPRST']);
  const place = `${faker.helpers.arrayElement([...'ABCDEFGHL'])}${digits(faker, 100, 899)}`;
  const code = `${consonants()}${consonants()}${two(faker, 30, 99)}${month}${two(faker, 1, 28)}${place}`;
  const valueOfLetter = (letter: string) => (/\d/.test(letter) ? Number(letter) : letter.charCodeAt(0) - 65);
  const sum = [...code].reduce(
    (total, letter, index) => total + (index % 2 === 0 ? (ODD[valueOfLetter(letter)] ?? 0) : valueOfLetter(letter)),
    0,
  );
  return `${code}${String.fromCharCode(65 + (sum % 26))}`;
}
