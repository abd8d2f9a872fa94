import type { Faker } from '@faker-js/faker';
import { faker as de } from '@faker-js/faker/locale/de';
import { faker as en } from '@faker-js/faker/locale/en';
import { faker as es } from '@faker-js/faker/locale/es';
import { faker as fr } from '@faker-js/faker/locale/fr';
import { faker as it } from '@faker-js/faker/locale/it';
import { COLUMNS, type ColumnName, LANGUAGES, type Language } from './headers.js';
import { NATIONAL_IDS } from './national-ids.js';

const FAKERS: Readonly<Record<Language, Faker>> = { en, de, fr, es, it };
const CODES: Readonly<Record<Language, string>> = { en: 'GB', de: 'DE', fr: 'FR', es: 'ES', it: 'IT' };
const SAID: Readonly<Record<Language, (name: string, contact: string) => string>> = {
  en: (name, contact) => `Spoke with ${name} about the late parcel, please answer to ${contact} before Friday.`,
  de: (name, contact) =>
    `Mit ${name} über die verspätete Lieferung gesprochen, bitte bis Freitag an ${contact} antworten.`,
  fr: (name, contact) => `Parlé avec ${name} du colis en retard, merci de répondre à ${contact} avant vendredi.`,
  es: (name, contact) => `He hablado con ${name} sobre el envío retrasado, contestar a ${contact} antes del viernes.`,
  it: (name, contact) => `Ho parlato con ${name} del pacco in ritardo, rispondere a ${contact} entro venerdì.`,
};
/** The moment that the set is of: the same seed makes the same set. */
const NOW = new Date('2026-11-01T00:00:00Z');

/** A table as an API or a database might give it. */
export interface MadeTable {
  readonly language: Language;
  /** What each column is, by what it is called. */
  readonly columns: Readonly<Record<string, ColumnName>>;
  readonly records: readonly Readonly<Record<string, string>>[];
}

/**
 * Tables of made records, in five languages in turn. Every second of a language has columns that tell nothing by their names (`c7`), and one
 * value in ten is missing in each.
 */
export function madeTables(seed: number, records: number, each = 100): MadeTable[] {
  const tables: MadeTable[] = [];
  for (const faker of Object.values(FAKERS)) {
    faker.seed(seed);
    faker.setDefaultRefDate(NOW);
  }
  for (let index = 0; index * each < records; index++) {
    const language = LANGUAGES[index % LANGUAGES.length] ?? 'en';
    const isTelling = Math.floor(index / LANGUAGES.length) % 2 === 0;
    const faker = FAKERS[language];
    const names = Object.keys(COLUMNS) as ColumnName[];
    const called = names.map(
      (name, place) => (isTelling ? COLUMNS[name].called[LANGUAGES.indexOf(language)] : `c${place}`) ?? name,
    );
    const rows = Array.from({ length: each }, () => {
      const record = recordOf(faker, language);
      const filled = names.flatMap((name, place) =>
        faker.number.int(9) === 0 ? [] : [[called[place] ?? name, record[name]] as const],
      );
      return Object.fromEntries(filled);
    });
    const columns = Object.fromEntries(names.map((name, place) => [called[place] ?? name, name]));
    tables.push({ language, columns, records: rows });
  }
  return tables;
}

function recordOf(faker: Faker, language: Language): Readonly<Record<ColumnName, string>> {
  const [given, family] = [faker.person.firstName(), faker.person.lastName()];
  const email = faker.internet.email({ firstName: given, lastName: family });
  const phone = faker.phone.number();
  const day = (date: Date) => date.toISOString().slice(0, 10);
  const point = [
    faker.location.latitude({ precision: 5 }).toFixed(5),
    faker.location.longitude({ precision: 5 }).toFixed(5),
  ];
  // Few remarks hold something of people.
  const remark =
    faker.number.int(9) < 2
      ? SAID[language](`${given} ${family}`, faker.helpers.arrayElement([email, phone]))
      : faker.lorem.sentence(12);
  return {
    given,
    family,
    whole: `${given} ${family}`,
    email,
    phone,
    street: faker.location.streetAddress(),
    city: faker.location.city(),
    postcode: faker.location.zipCode(),
    latitude: point[0] ?? '',
    place: point.join(', '),
    born: day(faker.date.birthdate({ mode: 'age', min: 18, max: 90 })),
    iban: faker.finance.iban({ countryCode: CODES[language] }),
    card: faker.finance.creditCardNumber(),
    national: NATIONAL_IDS[language](faker),
    ip: faker.internet.ip(),
    device: faker.internet.mac(),
    vehicle: faker.vehicle.vin(),
    photo: faker.image.avatar(),
    remark,
    record: faker.string.numeric(8),
    product: faker.commerce.productName(),
    company: faker.company.name(),
    sku: faker.string.alphanumeric({ length: 8, casing: 'upper' }),
    order: `${faker.number.int({ min: 10_000_000, max: 99_999_999 })}`,
    ean: faker.commerce.isbn({ separator: '' }),
    price: faker.commerce.price(),
    currency: faker.finance.currencyCode(),
    created: faker.date.recent({ days: 400 }).toISOString(),
    due: day(faker.date.soon({ days: 60 })),
    uuid: faker.string.uuid(),
    colour: faker.color.human(),
    status: faker.helpers.arrayElement(['open', 'paid', 'sent', 'closed']),
    quantity: faker.string.numeric(2),
    digest: faker.git.commitSha(),
    version: faker.system.semver(),
    country: faker.location.country(),
    department: faker.commerce.department(),
    words: faker.lorem.paragraph(),
    share: faker.number.float({ max: 1, fractionDigits: 4 }).toFixed(4),
    active: String(faker.datatype.boolean()),
    weight: `${faker.number.float({ min: 1, max: 9000, fractionDigits: 1 })}`,
    tracking: faker.string.numeric(20),
  };
}
