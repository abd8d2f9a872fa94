import { PackedText, readHex, readNumber } from './packed-text.js';
import { RecentTexts } from './recent-texts.js';
import { lengthOfVersion, readVersion, writeVersion } from './version.js';

/**
 * Orders (versionOrder, mergedOrder) as the ledger keeps them: some 30 characters instead of 60. Where the version is a time, a whole
 * number or not there, and the message id is a UUID, perhaps with its place in a pack, an order becomes
 *
 *     letter version id [place] [+stamp]
 *
 * The letter tells the kind of version (version.ts). The id is 22 characters, the place two, and the stamp (remergedAt) as it was. Any
 * other order is kept as it is, behind `=`. The order of a merged row is that of all its sides with a tab between them, as before.
 *
 * Two orders whose letters are the same compare byte by byte as they did before. If the letters differ, the script compares what they
 * were written from (`before` in prelude.lua).
 */
export function writeOrder(order: string): string {
  const tab = order.indexOf('\t');
  return tab === -1 ? writeSide(order) : `${writeSide(order.slice(0, tab))}\t${writeOrder(order.slice(tab + 1))}`;
}

/** The order that {@link writeOrder} was given. */
export function readOrder(text: string): string {
  const tab = text.indexOf('\t');
  return tab === -1 ? readSide(text) : `${readSide(text.slice(0, tab))}\t${readOrder(text.slice(tab + 1))}`;
}

const AS_IT_IS = '=';

const UUID_LENGTH = 36;
const HYPHENS = [8, 13, 18, 23];
/** Where the digits of a UUID stand. */
const UUID_DIGITS = Array.from({ length: UUID_LENGTH }, (_, at) => at).filter((at) => !HYPHENS.includes(at));
const ID_LENGTH = 22;

/** A place in a pack (packedId) that two characters can hold. */
const PLACE = /^\.000(?<place>[0-3]\d{3}|40[0-8]\d|409[0-5])(?=\+|$)/;
const PLACE_DIGITS = 7;
const PLACE_LENGTH = 2;

const written = new PackedText();

/** Sides that were written of late. Each is written when its row is claimed, joined and committed, and in each row that is merged of it. */
const known = new RecentTexts(4_096);

function writeSide(order: string): string {
  let text = known.get(order);
  if (text === undefined) {
    text = writeNewSide(order);
    known.set(order, text);
  }
  return text;
}

function writeNewSide(order: string): string {
  const space = order.indexOf(' ');
  const end = space + 1 + UUID_LENGTH;
  if (!writeVersion(written.clear(), order, space) || !writeId(order, space + 1)) return AS_IT_IS + order;
  if (order.length === end) return written.toString();
  let rest = order.slice(end);
  const place = PLACE.exec(rest)?.groups?.place;
  if (place !== undefined) {
    written.number(Number(place), PLACE_LENGTH);
    rest = rest.slice(1 + PLACE_DIGITS);
  }
  return rest === '' || rest.startsWith('+') ? `${written}${rest}` : AS_IT_IS + order;
}

function writeId(order: string, from: number): boolean {
  return order.length >= from + UUID_LENGTH && hasHyphens(order, from) && written.hex(order, from, UUID_DIGITS);
}

function hasHyphens(order: string, from: number): boolean {
  for (const at of HYPHENS) if (order.charCodeAt(from + at) !== 0x2d) return false;
  return true;
}

function readSide(text: string): string {
  if (text.startsWith(AS_IT_IS)) return text.slice(1);
  const from = lengthOfVersion(text);
  const end = from + ID_LENGTH;
  const hasPlace = text.length > end && text[end] !== '+';
  const rest = hasPlace ? end + PLACE_LENGTH : end;
  const place = hasPlace ? `.${String(readNumber(text.slice(end, rest))).padStart(PLACE_DIGITS, '0')}` : '';
  return `${readVersion(text)} ${readId(text.slice(from, end))}${place}${text.slice(rest)}`;
}

const readId = (text: string): string => readHex(text).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
