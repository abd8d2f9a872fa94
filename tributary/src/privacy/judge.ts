import { type Called, kindByName, type PersonalKind, wordsOf } from '@tributary/shared';
import { type Contents, contentsOf } from './text.js';
import { hasGivenName, VALUE_TESTS, yearOf } from './values.js';

/** What a column likely holds. */
export interface Judged {
  readonly kind: PersonalKind;
  /** From 0 to 1: an estimate, and no probability. */
  readonly confidence: number;
  /** In words, what it was known by. */
  readonly because: string;
  /** Of free text: what was found within it. */
  readonly contains: Contents;
}

/** Less is not told. */
export const LEAST = 0.4;
/** Of the values, so that a column is of a kind. */
const MOST_OF = 0.5;
/** Digits that check themselves fit one number in ten that means something else. */
const BY_CHECK_DIGIT: ReadonlySet<PersonalKind> = new Set([
  'card',
  'nationalId',
  'device',
  'vehicle',
  'phone',
  'address',
]);
/** Of the values, so that a column without a telling name has some of a kind. */
const SOME = 0.03;
/** Kinds of whose values nothing is known: values may be in any form. */
const ANY_FORM: ReadonlySet<PersonalKind> = new Set([
  'address',
  'phone',
  'fax',
  'nationalId',
  'vehicle',
  'device',
  'place',
  'postcode',
  'name',
]);

/**
 * @param column its name, or its path in a record: the last part says what it is
 * @param values those that are filled, as text
 * @returns undefined if it seems to hold nothing of a person
 */
export function judgeColumn(column: string, values: readonly string[]): Judged | undefined {
  const judged = [
    byName(column, values),
    byValues(values),
    byNames(column, values),
    byYears(values),
    byText(column, values),
  ];
  const found = judged.filter((one) => one !== undefined && one.confidence >= LEAST) as Judged[];
  return found.toSorted((a, b) => b.confidence - a.confidence)[0];
}

/** The last part of a path says what a value is: `customer.address` is an address, and `home.page url` a URL. */
function calledBy(column: string): Called | undefined {
  const called = kindByName(column);
  if (called?.isWhole === true) return called;
  return kindByName(column.slice(column.lastIndexOf('.') + 1)) ?? called;
}

function byName(column: string, values: readonly string[]): Judged | undefined {
  const called = calledBy(column);
  if (called === undefined || called.kind === 'text') return undefined;
  const { kind, isWhole } = called;
  if (values.length === 0) return isWhole ? judgedAs(kind, 0.5, 'its name; it has no values') : undefined;
  if (isConcealed(values) || values.every((value) => /^(true|false|0|1|yes|no|y|n)$/i.test(value))) return undefined;
  const test = VALUE_TESTS[kind];
  if (test === undefined) return judgedAs(kind, isWhole ? 0.75 : 0.5, 'its name');
  const share = shareOf(values, test.fits);
  const because = `its name, and ${percent(share)} of its values`;
  // A name in part says little of what only has the shape: `city_code`, `unit_position`.
  if (share >= MOST_OF)
    return judgedAs(kind, (isWhole || test.strength === 'proof' ? 0.6 : 0.35) + 0.39 * share, because);
  if (isWhole && ANY_FORM.has(kind) && isVaried(values)) return judgedAs(kind, 0.5 + 0.4 * share, because);
  const isNumber =
    kind === 'coordinates' && values.every((value) => Math.abs(Number(value)) <= 180 && value.includes('.'));
  return isNumber ? judgedAs(kind, isWhole ? 0.9 : 0.6, 'its name, and numbers of that range') : undefined;
}

/** A hash, something encrypted, or something masked: it was made harmless already. */
const CONCEALED = /^([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|enc:[\w.-]+:[\w-]+|.*\*\*\*.*)$/;

export const isConcealed = (values: readonly string[]): boolean =>
  values.length > 0 && values.every((value) => CONCEALED.test(value));

function byValues(values: readonly string[]): Judged | undefined {
  const shares = (Object.entries(VALUE_TESTS) as [PersonalKind, (typeof VALUE_TESTS)[PersonalKind]][]).flatMap(
    ([kind, test]) => (test?.strength === 'proof' ? [{ kind, share: shareOf(values, test.fits) }] : []),
  );
  const [best] = shares.toSorted((a, b) => b.share - a.share);
  if (best === undefined || values.length === 0) return undefined;
  const { kind, share } = best;
  const because = `${percent(share)} of its values`;
  const isSure = !BY_CHECK_DIGIT.has(kind);
  if (share >= MOST_OF) return judgedAs(kind, (isSure ? 0.6 : 0.45) + 0.39 * share, because);
  return isSure && share >= SOME ? judgedAs(kind, 0.4 + share, because) : undefined;
}

/** Names of people among values that look like names: those of things hold hardly any given names. */
function byNames(column: string, values: readonly string[]): Judged | undefined {
  if (values.length === 0 || shareOf(values, VALUE_TESTS.name?.fits ?? (() => false)) < 0.8) return undefined;
  const share = shareOf(values, hasGivenName);
  const isCalledSo = /^(name|nom|nombre|nome|person|contact|kontakt|contacto|contatto|client|cliente|kunde)$/.test(
    wordsOf(column).at(-1) ?? '',
  );
  if (share < (isCalledSo ? 0.05 : 0.15)) return undefined;
  return judgedAs(
    'name',
    Math.min(0.9, 0.4 + share + (isCalledSo ? 0.1 : 0)),
    `${percent(share)} of its values with a common given name`,
  );
}

/** Dates of birth lie far apart, and none is of the last years; dates of what happens are. */
function byYears(values: readonly string[]): Judged | undefined {
  const years = values.map(yearOf).filter((year) => year !== undefined);
  if (years.length < 20 || years.length < 0.9 * values.length) return undefined;
  const [least, most] = [Math.min(...years), Math.max(...years)];
  const isOfPeople = least >= 1895 && most <= new Date().getUTCFullYear() - 10 && most - least >= 30;
  return isOfPeople ? judgedAs('birthdate', 0.5, `dates from ${least} to ${most}`) : undefined;
}

/** Names of people and of firms have few of them, hashes none. */
const SMALL_WORDS = /(?<=^|\s)\p{Ll}{2,}/gu;

function byText(column: string, values: readonly string[]): Judged | undefined {
  const called = calledBy(column);
  const isText = shareOf(values, (value) => (value.match(SMALL_WORDS)?.length ?? 0) >= 4) >= 0.3;
  if (!isText) return undefined;
  const contains = contentsOf(values);
  const [most] = Object.values(contains).toSorted((a, b) => b - a);
  if (most !== undefined && most >= 0.01) {
    const found = (Object.entries(contains) as [PersonalKind, number][]).map(
      ([kind, share]) => `${kind} in ${percent(share)}`,
    );
    return {
      ...judgedAs('text', 0.7 + 0.25 * Math.min(1, most * 4), `text with ${found.join(', ')} of its values`),
      contains,
    };
  }
  return called?.kind === 'text'
    ? judgedAs('text', 0.42, 'its name, and text: nothing was found in it, anything may come')
    : undefined;
}

const judgedAs = (kind: PersonalKind, confidence: number, because: string): Judged => ({
  kind,
  confidence: Math.round(Math.min(0.99, confidence) * 100) / 100,
  because,
  contains: {},
});

const shareOf = (values: readonly string[], fits: (text: string) => boolean): number =>
  values.length === 0 ? 0 : values.filter(fits).length / values.length;

/** Few values of many rows are kinds of things, not people. */
const isVaried = (values: readonly string[]): boolean => new Set(values).size >= Math.min(10, 0.3 * values.length);

const percent = (share: number): string => `${share > 0 && share < 0.01 ? '<1' : Math.round(share * 100)} %`;
