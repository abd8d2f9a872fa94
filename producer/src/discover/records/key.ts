import type { Guess } from '../guess.js';
import type { Column } from './column.js';

/** What identifies a record: one column, or a few together. */
export type Key = readonly Column[];

const KEY_TYPES: readonly string[] = ['string', 'integer', 'date', 'datetime'];
/** More text than a person would call a name. */
const LONGEST = 200;

/**
 * The key of records: unique over all that were seen, and called like one.
 * @param entity what the records are called, such as `order`
 * @returns undefined if nothing is unique, not even three columns together
 */
export function keyOf(columns: readonly Column[], records: number, entity: string): Guess<Key> | undefined {
  const candidates = columns.filter((column) => mayBeKey(column, records));
  const rated = candidates
    .map((column) => ({ column, score: scoreOf(column, entity) }))
    .toSorted((a, b) => b.score - a.score);
  const unique = rated.filter(({ column }) => isUnique([column], records));
  const [best] = unique;
  if (best !== undefined && (best.score >= 40 || records <= 1 || unique.length === 1)) {
    return {
      value: [best.column],
      reason: `unique in ${records} ${records === 1 ? 'record' : 'records'}`,
      isSure: records > 2 && best.score >= 60,
    };
  }
  const together = compositeOf(
    rated.filter(({ score }) => score > 0).map(({ column }) => column),
    records,
  );
  // A text that happens to be unique is a worse key than two codes that belong together.
  if (together !== undefined && best === undefined) {
    return {
      value: together,
      reason: `no column alone is unique in ${records} records, these together are`,
      isSure: false,
    };
  }
  if (best === undefined) return undefined;
  return {
    value: [best.column],
    reason: `unique in ${records} records, though it is not called like a key`,
    isSure: false,
  };
}

const mayBeKey = ({ type, filled, values }: Column, records: number): boolean =>
  KEY_TYPES.includes(type) && filled === records && values.every((value) => String(value).length <= LONGEST);

const IDS: readonly (readonly [RegExp, number])[] = [
  [/^_?id$/i, 100],
  [
    /^(uuid|guid|_key|sys_?id|record_?id|object_?id|row_?id|page_?id|event_?id|post_?id|item_?id|order_?id|user_?id|\$key|gid|sid|sha|urn|oid|objectid|hash|node_?id)$/i,
    80,
  ],
  [/(^|_)(uuid|guid)$/i, 60],
  [/^(key|code|slug|sku|symbol|ticker|iban|ean|isbn|reference|ref|login|username)$/i, 60],
  [/^(number|no|nr)$/i, 55],
  [/([_.-]id|Id|ID|_key|Key|_code|Code|_no|Number|_number|_sid|iso\d?|_uid)$/, 45],
  [/^(email|url|uri|link|href)$/i, 30],
  [/^(name|title)$/i, 20],
  [/^(date|day|month|year|time|period|timestamp|dt|ts)$|_(date|day)$/i, 25],
];

function scoreOf({ name, steps, type }: Column, entity: string): number {
  const leaf = String(steps.at(-1) === '#text' ? steps.at(-2) : steps.at(-1));
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z\d]/g, '');
  const own = plain(entity);
  const isOwn =
    own.length > 1 && [own, `${own}id`, `${own}key`, `${own}code`, `${own}number`, `id${own}`].includes(plain(leaf));
  const named = isOwn ? 85 : (IDS.find(([pattern]) => pattern.test(leaf))?.[1] ?? (type === 'datetime' ? 5 : 10));
  // The id of something that lies in the record is not its own, but for what a wrapper holds.
  const depth = name === leaf ? 0 : steps.length - 1;
  return named - 25 * depth;
}

export function isUnique(columns: Key, records: number): boolean {
  const seen = new Set<string>();
  for (let index = 0; index < records; index++)
    seen.add(JSON.stringify(columns.map(({ values }) => String(values[index]))));
  return seen.size === records;
}

/** The first two or three that are unique together; a column whose values are all the same adds nothing. */
function compositeOf(columns: readonly Column[], records: number): Key | undefined {
  const useful = columns.filter(({ values }) => new Set(values.map(String)).size > 1).slice(0, 10);
  for (const [index, one] of useful.entries())
    for (const other of useful.slice(index + 1)) if (isUnique([one, other], records)) return [one, other];
  for (const [i, one] of useful.entries()) {
    for (const [j, other] of useful.entries())
      for (const third of useful.slice(j + 1))
        if (j > i && isUnique([one, other, third], records)) return [one, other, third];
  }
  return undefined;
}
