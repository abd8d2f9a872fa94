import type { PersonalKind } from '@tributary/shared';
import { isGivenName } from './given-names.js';
import { isPhone, VALUE_TESTS } from './values.js';

/** What was found within texts: the share of the texts that hold it. */
export type Contents = Readonly<Partial<Record<PersonalKind, number>>>;

/** Characters of a text that are looked at. */
const MOST = 4_000;

/** What may be a value of a kind within a text. No pattern goes back over more than it has bounds for. */
const CANDIDATES = {
  email: /[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}.-]{1,100}\.\p{L}{2,20}/gu,
  iban: /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b/g,
  card: /\b\d(?:[ -]?\d){12,18}\b/g,
  phone: /(?:\+|\b00|\(|\b0)\d[\d\s()./-]{5,20}\d/g,
  nationalId: /\b(?:\d{3}-\d{2}-\d{4}|\d{8}[A-Z]|[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]|[12]\d{14})\b/g,
  ip: /\b\d{1,3}(?:\.\d{1,3}){3}\b/g,
} as const satisfies Partial<Record<PersonalKind, RegExp>>;

/** A given name that many people have, with a word behind it that begins with a large letter. */
const NAMED = /(\p{Lu}\p{Ll}+)\s+\p{Lu}\p{Ll}+/gu;

export function contentsOf(texts: readonly string[]): Contents {
  const found: Partial<Record<PersonalKind, number>> = {};
  const share = (fits: (text: string) => boolean) =>
    texts.filter((text) => fits(text.slice(0, MOST))).length / texts.length;
  for (const [kind, pattern] of Object.entries(CANDIDATES) as [keyof typeof CANDIDATES, RegExp][]) {
    const fits = kind === 'phone' ? isPhone : (VALUE_TESTS[kind]?.fits ?? (() => false));
    const part = share((text) => (text.match(pattern) ?? []).some((one) => fits(one.trim())));
    if (part > 0) found[kind] = part;
  }
  const named = share((text) => [...text.matchAll(NAMED)].some(([, first = '']) => isGivenName(first)));
  if (named > 0) found.name = named;
  return found;
}
