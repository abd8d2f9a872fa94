import {
  compileEntity,
  type EntityConfig,
  FatalError,
  isMapping,
  isUsableKey,
  keyFieldsOf,
  mappedFields,
} from '@tributary/shared';
import { Tombstones } from '../tombstones.js';
import type { ProtectionKeys } from './keys.js';
import { compileProtection } from './protected-record.js';

/**
 * The key under which the rows of a record lie, found by the key that its source has: what of it is protected is protected with the keys of today.
 * @param name of the entity, for a person
 * @throws FatalError if the key is not protected, or cannot be the entity's, or a key to protect it with is missing
 */
export function protectedKey(name: string, entity: EntityConfig, key: string, keys: ProtectionKeys): string {
  const atSource = mappedFields(entity.fields, {});
  const fields = keyFieldsOf(entity).flatMap((field) => {
    const config = atSource[field];
    return config === undefined ? [] : [[field, config] as const];
  });
  const protect = compileProtection(Object.fromEntries(fields), keys, name, () => {});
  if (protect === undefined)
    throw new FatalError('key_unprotected', `the key of ${name} is not protected: give it without --protect`);
  const record = new Tombstones({ ...entity, fields: atSource }).ofKey(key, '');
  protect(record);
  // What cannot be read as the field's type is concealed.
  const isRead = fields.every(([field]) => !isMapping(record[field]));
  const found = isRead ? compileEntity(name, entity).keyOf(record) : undefined;
  if (found !== undefined && isUsableKey(found)) return found;
  throw new FatalError('key_invalid', `no record of ${name} can have this key: see the types of its key fields`);
}
