import { describe, expect, it } from 'vitest';
import { judgeColumn } from '../../src/privacy/judge.js';
import { maskedExample, Samples } from '../../src/privacy/samples.js';
import { scanned } from '../../src/privacy/scan.js';

const kindOf = (column: string, ...values: string[]) => judgeColumn(column, values)?.kind;
const many = (count: number, make: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => make(index));

describe('a column', () => {
  it.each([
    ['email', 'x', 'ada@example.org', 'ben@example.com'],
    ['iban', 'x', 'DE89370400440532013000', 'GB82WEST12345698765432'],
    ['card', 'x', '4111 1111 1111 1111', '5555555555554444'],
    ['phone', 'x', '+49 170 1234567', '+33 6 12 34 56 78'],
    ['phone', 'Telefon', '030 1234567', '0170/1234567'],
    ['ip', 'x', '192.0.2.17', '2001:db8::1'],
    ['device', 'x', '00:1b:44:11:3a:b7', '00-1B-44-11-3A-B8'],
    ['vehicle', 'x', '1HGCM82633A004352', '1M8GDM9AXKP042788'],
    ['nationalId', 'x', '536-90-4399', '219-09-9999'],
    ['nationalId', 'x', '12345678Z', 'X1234567L'],
    ['nationalId', 'x', '255081416802538', '255081416802538'],
    ['nationalId', 'x', 'RSSMRA85T10A562S', 'RSSMRA85T10A562S'],
    ['address', 'x', 'Musterstraße 12', 'Am Markt 3'],
    ['address', 'x', '12 rue de la Paix', 'Calle Mayor 5, 2º'],
    ['coordinates', 'x', '52.52000, 13.40500', '-33.86880, 151.20930'],
    ['coordinates', 'lat', '52.52', '48.13'],
    ['birthdate', 'Geburtsdatum', '1815-12-10', '1990-01-01'],
    ['postcode', 'plz', '80331', '10115'],
    ['name', 'nachname', 'Lovelace', 'von Neumann'],
    ['name', 'x', 'Anna Schmidt', 'Giuseppe Verdi'],
    ['medicalRecord', 'mrn', '118231', '991237'],
    ['name', 'full_name', '李小龙', 'Ольга Иванова', 'محمد علي'],
    ['place', 'order.shipping.city', 'Ulm', 'Kiel'],
    ['email', 'contacts[].E-Mail', 'ada@example.org', 'ben@exämple.com'],
  ])('of %s is found under the name %s', (kind, column, ...values) => {
    expect(kindOf(column, ...values)).toBe(kind);
  });

  it.each([
    ['price', '19.99', '5.00'],
    ['order_no', '10023781', '10023782'],
    ['created_at', '2026-01-05T10:00:00Z', '2026-02-05T10:00:00Z'],
    ['status', 'open', 'closed'],
    ['uuid', '3b241101-e2bb-4255-8caf-4136c566a962', '3b241101-e2bb-4255-8caf-4136c566a963'],
    ['product_name', 'Blue Chair', 'Wooden Table'],
    ['version', '1.2.3', '10.0.1'],
    ['ean', '4006381333931', '9780201379624'],
    ['tracking', '00340434161094042557', '00340434161094042558'],
    ['email', '0123456789abcdef0123456789abcdef', 'fedcba9876543210fedcba9876543210'],
    ['has_phone', 'true', 'false'],
  ])('called %s that holds nothing of people is not', (column, ...values) => {
    expect(judgeColumn(column, values)).toBeUndefined();
  });

  it('of text is found by what stands in some of it', () => {
    const values = many(50, (index) =>
      index === 7
        ? 'please call Ada Lovelace at ada@example.org before noon'
        : 'the parcel came late and was wet again',
    );
    expect(judgeColumn('x', values)).toMatchObject({ kind: 'text', contains: { email: 0.02 } });
    expect(
      judgeColumn(
        'x',
        many(50, () => 'the parcel came late and was wet again'),
      ),
    ).toBeUndefined();
  });

  it('of dates that lie far apart and long ago is taken for dates of birth', () => {
    expect(
      kindOf('d', ...many(40, (index) => `${1930 + index * 2}-05-01`.replace(/^20(1[6-9]|[2-9]\d)/, '1999'))),
    ).toBe('birthdate');
    expect(kindOf('d', ...many(40, (index) => `20${10 + (index % 16)}-05-01`))).toBeUndefined();
  });
});

it.each(['address[street]', 'a]', 'b[0].c', '[]', '.', 'x.', '}'])(
  'a column that a source calls %s ends no scan',
  (name) => {
    const samples = new Samples();
    samples.add({ [name]: 'ada@example.org' });
    expect(scanned('crm', 'endpoint', samples, new Map()).found).toMatchObject([{ column: name, kind: 'email' }]);
  },
);

it('a value in the place of a name is looked at and not shown', () => {
  const samples = new Samples();
  for (let index = 0; index < 20; index++) {
    samples.add({
      members: { [`ada${index}@example.org`]: { phone: `+49 170 12345${10 + index}` } },
      byId: { [String(index)]: { mail: 'x@example.org' } },
      years: { 2026: 1 },
    });
  }
  const { found, columns } = scanned('crm', 'endpoint', samples, new Map());
  expect(found.map(({ column, kind }) => `${column} ${kind}`).sort()).toEqual([
    'byId.*.mail email',
    'members.*.phone phone',
    'members.{names} email',
  ]);
  expect(columns).toBe(5);
  expect(JSON.stringify(found)).not.toContain('ada1');
});

it('as many values are looked at as are asked for, without blanks around them, and long ones in part', () => {
  const samples = new Samples(2_000);
  for (let index = 0; index < 2_500; index++) samples.add({ mail: ` ${index}@example.org\n`, text: '*'.repeat(9_000) });
  const [mail, text] = samples.columns;
  expect(mail?.values).toHaveLength(2_000);
  expect(mail?.values[1]).toBe('1@example.org');
  expect(text?.values[0]).toHaveLength(4_000);
});

it('samples are taken from any depth, and examples show no letter and no digit of theirs', () => {
  const samples = new Samples();
  samples.add({ id: 1, customer: { mail: 'a@b.org', tags: [] }, lines: [{ sku: 'x' }, { sku: 'y' }] });
  samples.cell('json', '[{"phone":"123"}]');
  expect(samples.columns.map(({ path, values }) => [path, values])).toEqual([
    ['id', ['1']],
    ['customer.mail', ['a@b.org']],
    ['lines[].sku', ['x', 'y']],
    ['json[].phone', ['123']],
  ]);
  expect(maskedExample('Ada.Løvelace-42@example.org, ٣ Ω')).toBe('Xxx.Xxxxxxxx-99@xxxxxxx.xxx, 9 X');
});
