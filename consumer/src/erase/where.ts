import { FatalError, type PipelineConfig } from '@tributary/shared';
import { entitiesOf, escapePart, partOfMergedKey } from '../merge/rows.js';

/**
 * How the rows of a dataset name a record: by their own key, or as one side of a merge. A number is the place of that side in the key of a
 * merged row: 0 is the record with the lines, and 1 the first that lines point at. Rows of an aggregate name no record, and any of them may
 * hold something of it, such as its amount as the greatest: all of them go, and are calculated anew from what is left.
 */
export type Rule = 'key' | 'all' | number;

/**
 * From here on a rule means rows of a merge as it was before, under the same name: those that were made of another number of records than
 * `rule - OLDER`. Nobody knows which entity stood at which place of their keys, so one of them is of a record if any place names its key. An
 * older version of Tributary that reads such a rule looks at a place that no key has, and finds nothing.
 */
export const OLDER = 1_000;

/** By dataset, how its rows name the records of one entity. Datasets whose rows hold nothing of them are left out. */
export type Where = Readonly<Record<string, readonly Rule[]>>;

/** Where rows of the records of an entity lie: in its own dataset, in those of the merges that it is a side of, and in the aggregates of these. */
function whereOf({ entities, merges, aggregates }: PipelineConfig, entity: string): Where {
  const where: Record<string, Rule[]> = {};
  const own = entities[entity]?.dataset;
  if (own !== undefined) where[own] = ['key'];
  for (const merge of merges) {
    const rules = entitiesOf(merge).flatMap((side, place) => (side === entity ? [place] : []));
    if (rules.length > 0) where[merge.dataset] = [...rules, OLDER + entitiesOf(merge).length];
  }
  for (const { dataset, from } of aggregates) if (where[from] !== undefined) where[dataset] = ['all'];
  return where;
}

/**
 * Where rows of a record lie.
 * @throws FatalError naming the entities that there are; for an empty key, which no record has, and each empty cell would be
 */
export function whereIn(
  config: PipelineConfig,
  { entity, key }: { readonly entity: string; readonly key: string },
): Where {
  if (key === '') throw new FatalError('key_empty', `the key is empty: say which ${entity} is meant`);
  if (Object.hasOwn(config.entities, entity)) return whereOf(config, entity);
  const known = Object.keys(config.entities).join(', ');
  throw new FatalError('entity_unknown', `the pipeline has no entity "${entity}"; it has ${known}`);
}

/** A row, as far as it tells whose it is. */
export interface NamedRow {
  readonly key: string;
  readonly messageId: string;
}

/** Whether a row is of the record, by one of the rules. */
export const isOf = (rules: readonly Rule[], row: NamedRow, key: string): boolean =>
  rules.some((rule) => {
    if (rule === 'all') return true;
    if (rule === 'key') return row.key === key;
    if (rule < OLDER) return partOfMergedKey(row.key, rule) === key;
    return row.messageId.split(' ').length !== rule - OLDER && row.key.split('/').includes(escapePart(key));
  });

/**
 * Whether a merged row that names the record was made without it: its side is not among those that the row was made of. So are half rows that consumers make
 * anew where the merge leaves empty what is missing.
 */
const isWithout = (rule: Exclude<Rule, 'all'>, messageId: string): boolean =>
  rule !== 'key' && rule > 0 && /^(\+[0-9a-z]{9})?$/.test(messageId.split(' ')[rule] ?? '');

/** Whether a row that is of a record holds anything of it but its key. An aggregate's row is of many, and of none. */
export const holdsOf = (rules: readonly Rule[], row: NamedRow, key: string): boolean =>
  rules.some((rule) => rule !== 'all' && isOf([rule], row, key) && !isWithout(rule, row.messageId));
