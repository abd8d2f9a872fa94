import { canonicalJson, compileFields, type Field, isMapping } from '@tributary/shared';
import type { ProtectionKeys } from './keys.js';
import { protectionOf } from './protections.js';

type Fields = Readonly<Record<string, Field>>;
type Values = Record<string, unknown>;

/** Protects the values of a record in canonical form, in place. */
export type ProtectRecord = (record: Values) => void;

/**
 * @param fields as the source has them
 * @param entity for a person
 * @returns undefined if no field is protected
 * @param onUnknown called with the place of a field for each value that its hierarchy does not have
 * @throws FatalError if a key is missing, or a file cannot be used
 */
export function compileProtection(
  fields: Fields,
  keys: ProtectionKeys,
  entity: string,
  onUnknown: (place: string) => void,
): ProtectRecord | undefined {
  const steps = Object.entries(fields).flatMap(([name, field]) => {
    const place = `${entity}.${name}`;
    const protect = field.items === undefined ? protectValue : protectItems;
    return protect(name, field, keys, place, onUnknown) ?? [];
  });
  if (steps.length === 0) return undefined;
  return (record) => {
    for (const step of steps) step(record);
  };
}

function protectValue(
  name: string,
  field: Field,
  keys: ProtectionKeys,
  place: string,
  onUnknown: (place: string) => void,
): ProtectRecord | undefined {
  if (field.protect === undefined) return undefined;
  const isDropped = field.protect.type === 'drop';
  const protect = protectionOf(field.protect, keys, place, () => onUnknown(place));
  const { read, faults } = compileFields({ value: { ...field, optional: false } });
  return (record) => {
    const value = record[name];
    if (isDropped) delete record[name];
    if (isDropped || value === undefined || value === null || value === '') return;
    const found = read({ value })?.value;
    // What has no canonical form becomes a dead letter, which people read: it must not hold the value either.
    record[name] = found === undefined ? concealed(value, faults({ value })[0]?.wanted) : protect(textOf(found));
  };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : (canonicalJson(value) ?? ''));

function protectItems(
  name: string,
  field: Field,
  keys: ProtectionKeys,
  place: string,
  onUnknown: (place: string) => void,
): ProtectRecord | undefined {
  const protect = compileProtection(field.items ?? {}, keys, place, onUnknown);
  if (protect === undefined) return undefined;
  return (record) => {
    const value = record[name];
    if (value === undefined || value === null) return;
    if (!Array.isArray(value)) {
      record[name] = concealed(value);
      return;
    }
    for (const [index, item] of value.entries()) {
      if (isMapping(item)) protect(item);
      else value[index] = concealed(item);
    }
  };
}

/**
 * What stands in the place of a value that may not be shown: a mapping, which no protected field takes.
 * @param wanted what was expected in its place
 */
export function concealed(value: unknown, wanted = ''): Values {
  const what = Array.isArray(value)
    ? `a list of ${value.length}`
    : typeof value === 'string'
      ? `a text of ${value.length} characters`
      : `a value of type ${typeof value}`;
  return { not_shown: [what, wanted].filter(Boolean).join(': ') };
}
