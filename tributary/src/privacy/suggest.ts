import { type FieldType, type PersonalKind, type Protection, protectionFault } from '@tributary/shared';

/** What is known of the field that a column comes from. */
export interface DeclaredField {
  readonly entity: string;
  readonly name: string;
  readonly type: FieldType;
  readonly optional: boolean;
  /** Where it lies in the raw record, if not under its own name. */
  readonly from: string | undefined;
  /** Whether it has settings that the line does not repeat. */
  readonly hasMore: boolean;
  readonly isKey: boolean;
  readonly isVersion: boolean;
}

const year = { type: 'generalise', to: 'year' } as const;
const two = { type: 'generalise', first: 2 } as const;

/** What is thought of first: so that what is left still serves, and a person is not known by it. */
const FIRST: Readonly<Record<PersonalKind, readonly Protection[]>> = {
  name: [{ type: 'mask' }],
  email: [{ type: 'hash' }],
  phone: [{ type: 'encrypt' }],
  fax: [{ type: 'encrypt' }],
  address: [{ type: 'drop' }, { type: 'encrypt' }],
  place: [{ type: 'drop' }, { type: 'hash' }],
  postcode: [two],
  coordinates: [{ type: 'generalise', bucket: 1 }, { type: 'drop' }],
  birthdate: [year],
  age: [{ type: 'generalise', bucket: 10 }],
  deathdate: [year],
  iban: [{ type: 'encrypt' }],
  card: [{ type: 'drop' }, { type: 'encrypt' }],
  account: [{ type: 'hash' }],
  nationalId: [{ type: 'encrypt' }],
  medicalRecord: [{ type: 'hash' }],
  healthPlan: [{ type: 'hash' }],
  licence: [{ type: 'encrypt' }],
  vehicle: [{ type: 'hash' }],
  device: [{ type: 'hash' }],
  url: [{ type: 'drop' }, { type: 'hash' }],
  ip: [{ type: 'hash' }],
  biometric: [{ type: 'drop' }, { type: 'encrypt' }],
  photo: [{ type: 'drop' }, { type: 'encrypt' }],
  otherId: [{ type: 'hash' }],
  text: [{ type: 'drop' }, { type: 'encrypt' }],
};

/** JSON is protected as a whole, whatever lies in it: one line is meant for all that was found there. */
const WHOLE: readonly Protection[] = [{ type: 'drop' }, { type: 'encrypt' }];

/** The line of the pipeline file that protects a field, or why there is none. */
export type Suggestion = { readonly line: string } | { readonly why: string };

export function suggestionFor(kind: PersonalKind, field: DeclaredField): Suggestion {
  const { name, type, optional, isKey, isVersion } = field;
  if (isVersion) return { why: `${name} is the version of its entity, which cannot be protected: take another one` };
  const wanted: readonly Protection[] = isKey
    ? [{ type: 'hash' }]
    : [...(type === 'json' ? WHOLE : FIRST[kind]), { type: 'hash' }, { type: 'encrypt' }];
  const protection = wanted.find((one) => protectionFault(one, type, optional) === undefined);
  if (protection === undefined)
    return {
      why: `${name}: no protection is for the type ${type}; leave the field out, or declare the parts of it that are needed`,
    };
  const { type: way, ...settings } = protection;
  const said =
    Object.keys(settings).length === 0
      ? way
      : `{ type: ${way}, ${Object.entries(settings)
          .map(([key, value]) => `${key}: ${value}`)
          .join(', ')} }`;
  if (field.hasMore) return { line: `${name}: { …, protect: ${said} }` };
  const from = field.from === undefined ? '' : `, from: ${JSON.stringify(field.from)}`;
  return { line: `${name}: { type: ${type}${optional ? '?' : ''}${from}, protect: ${said} }` };
}
