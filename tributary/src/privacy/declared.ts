import { compilePath, DEFAULT_MAX_LENGTH, type EntityConfig, type Field, keyFieldsOf } from '@tributary/shared';
import type { DeclaredField } from './suggest.js';

/** A field as the pipeline file declares it, and whether it is protected. */
export interface Declared extends DeclaredField {
  readonly isProtected: boolean;
}

/**
 * The fields of an entity by where their values lie.
 * @param fields as an endpoint has them, or the entity's own
 * @param inRows whether columns are meant, and not places in raw records
 */
export function declaredOf(
  entity: string,
  config: EntityConfig,
  fields: EntityConfig['fields'],
  inRows: boolean,
): ReadonlyMap<string, Declared> {
  const keys = keyFieldsOf(config);
  const found = new Map<string, Declared>();
  const add = (above: string, all: Readonly<Record<string, Field>>) => {
    for (const [name, field] of Object.entries(all)) {
      const { type, optional, from, unit, format, zone, value, items, maxLength, source, protect } = field;
      const path = `${above}${inRows || from === undefined ? name : placeOf(from)}`;
      const isTop = above === '';
      found.set(path, {
        entity,
        name,
        type: source?.type ?? type,
        optional,
        from,
        hasMore:
          [unit, format, zone, value].some((one) => one !== undefined) ||
          (source?.maxLength ?? maxLength) !== DEFAULT_MAX_LENGTH,
        isKey: isTop && keys.includes(name),
        isVersion: isTop && config.version === name,
        isProtected: protect !== undefined,
      });
      if (items !== undefined) add(`${path}[].`, items);
    }
  };
  add('', fields);
  return found;
}

/** `$.customer['e-mail']` is `customer.e-mail`, `$.lines[0].sku` is `lines[].sku`. */
const placeOf = (path: string): string =>
  compilePath(path)
    .steps.map((step) => (typeof step === 'number' ? '[]' : `.${step}`))
    .join('')
    .replace(/^\./, '');
