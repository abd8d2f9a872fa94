import type { PersonalKind } from '@tributary/shared';
import type { Scanned } from './scan.js';

/** The identifiers of 45 CFR 164.514(b)(2)(i), in its order, and the kinds that are looked for under each. */
const SAFE_HARBOR: readonly { readonly words: string; readonly kinds: readonly PersonalKind[] }[] = [
  { words: 'names', kinds: ['name'] },
  { words: 'geographic subdivisions smaller than a state', kinds: ['address', 'place', 'postcode', 'coordinates'] },
  { words: 'dates but for the year, and ages over 89', kinds: ['birthdate', 'deathdate', 'age'] },
  { words: 'telephone numbers', kinds: ['phone'] },
  { words: 'fax numbers', kinds: ['fax'] },
  { words: 'e-mail addresses', kinds: ['email'] },
  { words: 'social security numbers', kinds: ['nationalId'] },
  { words: 'medical record numbers', kinds: ['medicalRecord'] },
  { words: 'health plan beneficiary numbers', kinds: ['healthPlan'] },
  { words: 'account numbers', kinds: ['account', 'iban', 'card'] },
  { words: 'certificate and licence numbers', kinds: ['licence'] },
  { words: 'vehicle identifiers, and licence plates', kinds: ['vehicle'] },
  { words: 'device identifiers and serial numbers', kinds: ['device'] },
  { words: 'web URLs', kinds: ['url'] },
  { words: 'IP addresses', kinds: ['ip'] },
  { words: 'biometric identifiers', kinds: ['biometric'] },
  { words: 'full-face photographs', kinds: ['photo'] },
  { words: 'any other number, characteristic or code that means one person', kinds: ['otherId', 'text'] },
];

/** One of the 18 identifiers, with the columns that seem to hold it. */
export interface Identifier {
  readonly number: number;
  readonly words: string;
  /** `customers.email`, the surest first; with `(protected)` behind it where it is. */
  readonly columns: readonly string[];
}

export const checklistOf = (all: readonly Scanned[]): readonly Identifier[] =>
  SAFE_HARBOR.map(({ words, kinds }, index) => ({
    number: index + 1,
    words,
    columns: all.flatMap(({ name, found }) =>
      found
        .filter(({ kind }) => kinds.includes(kind))
        .map(({ column, isProtected }) => `${name}.${column}${isProtected ? ' (protected)' : ''}`),
    ),
  }));
