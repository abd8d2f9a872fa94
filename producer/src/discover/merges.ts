import type { EntityDraft } from './draft.js';
import type { Column } from './records/column.js';

/** So many different values have to be keys of the other, before their names tell nothing. */
const LEAST = 2;
/** Of those that were seen: some of the other's records are on pages that were not read. */
const MOSTLY = 0.8;

/** Fields that hold keys of another entity, by their names and by their values: a merge could join them. */
export function mergesIn(entities: readonly EntityDraft[]): string[] {
  return entities.flatMap((entity) =>
    entity.columns.flatMap((column) => {
      const other = entities.find((one) => one !== entity && (isCalled(column, one) || holdsKeys(column, one, entity)));
      return other === undefined
        ? []
        : [
            `${entity.name}.${column.name} seems to hold keys of ${other.name}: a merge could join them (docs/own-api.md)`,
          ];
    }),
  );
}

/** `customer_id` and `customerId` are keys of `customer`. */
function isCalled({ name }: Column, other: EntityDraft): boolean {
  const base = /^(.+?)(_id|Id)$/
    .exec(name)?.[1]
    ?.replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
  return base === other.name;
}

function holdsKeys({ name, type, values }: Column, other: EntityDraft, own: EntityDraft): boolean {
  const key = other.key.length === 1 ? other.columns.find((one) => one.name === other.key[0]) : undefined;
  if (key === undefined || key.type !== type || own.key.includes(name)) return false;
  const keys = new Set(key.values.flatMap((value) => (value === undefined ? [] : [String(value)])));
  const held = new Set(values.flatMap((value) => (value === undefined ? [] : [String(value)])));
  const known = [...held].filter((value) => keys.has(value));
  if (known.length < LEAST || known.length < held.size * MOSTLY) return false;
  // Small numbers and short words agree by chance.
  const isTelling = known.every((value) => value.length >= 6 && !/^\d+$/.test(value));
  return isTelling || name.toLowerCase().includes(other.name.replaceAll('_', '').slice(0, 5));
}
