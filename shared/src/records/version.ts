import type { FieldType } from '../config/kinds/field-types.js';
import { readInteger } from './integer.js';
import { readInstant } from './times/instant.js';

/**
 * The property of a canonical record that says where it stands in the order of the changes of its key, instead of the entity's version:
 * text of visible ASCII, compared byte by byte. Sources that read the log of a database set it, whose order is the only right one. It is
 * no part of the content, so that a change that comes twice is known by its content all the same. No field of an entity can have this name.
 */
export const VERSION = '_version';

/**
 * A version in the form that sorts: the ledger compares it as text. A time becomes UTC with all digits of its fraction, an
 * integer stays as it is written (see {@link versionOrder}), text may hold no white space.
 *
 * @returns undefined for a value that has no place in such an order
 */
export function normaliseVersion(value: unknown, type: FieldType | undefined): string | undefined {
  if (type === 'integer') {
    const integer = readInteger(value);
    return integer === undefined || Number(integer) < 0 ? undefined : String(integer);
  }
  if (typeof value !== 'string' || value === '') return undefined;
  // Orders are compared byte by byte in Redis and Postgres, and by UTF-16 units here: in ASCII both agree.
  if (type === 'string') return /^[\x21-\x7e]+$/.test(value) ? value : undefined;
  return readInstant(value);
}

/** A time as {@link normaliseVersion} writes it. Without its Z, the later of two sorts after the other, however many digits they have. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;

/**
 * What the ledger compares: the version, then the message id (UUIDv7, so it sorts by the time of the fetch). Of two records
 * with one version, or without versions, the one that was fetched later is the newer.
 *
 * A Z is left out at the end of a time alone: `2024Z` of a field of type string is another version than `2024`.
 */
export function versionOrder(version: string, messageId: string): string {
  const sortable =
    version.endsWith('Z') && TIME.test(version)
      ? version.slice(0, -1)
      : /^\d+$/.test(version)
        ? version.padStart(20, '0')
        : version;
  return `${sortable} ${messageId}`;
}

/**
 * The version and the message id that an order was made of (see {@link versionOrder}). A text that looks like a number with zeros before it, or like a
 * time without its Z, is told as that number or time: the order of both is the same.
 */
export function readOrder(order: string): { readonly version: string; readonly messageId: string } {
  const end = order.indexOf(' ');
  const sortable = order.slice(0, end);
  const isTime = TIME.test(`${sortable}Z`);
  const version = isTime ? `${sortable}Z` : /^\d{20}$/.test(sortable) ? sortable.replace(/^0+(?=\d)/, '') : sortable;
  return { version, messageId: order.slice(end + 1) };
}
