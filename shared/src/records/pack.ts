// A pack is a message with several records of one entity. Its body is their JSON texts, with a line feed between: JSON that is
// written without indentation holds none, so the texts are joined and parted without being read.

/** The content type of a pack. A message with any other holds one record. */
export const PACK_CONTENT_TYPE = 'application/x-ndjson';

/** A header of packs, for people: how many records there are. */
export const PACK_HEADER = 'records';

/** A header of packs: which form they have. It may be missing, as in packs of other programs, and is {@link PACK_FORMAT} then. */
export const PACK_FORMAT_HEADER = 'packFormat';

/**
 * The form of packs that this version makes and reads. A later version that makes another one raises it, and goes on to read those before:
 * they may lie in queues for long. This version leaves what it cannot read to consumers that can (consumer/src/intake/later.ts).
 */
export const PACK_FORMAT = 1;

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

export const isPack = ({ contentType }: { readonly contentType?: unknown }): boolean =>
  contentType === PACK_CONTENT_TYPE;

/** Joins the bodies of messages; see {@link canBePacked}. */
export function packBodies(bodies: readonly Uint8Array[]): Buffer {
  const size = bodies.reduce((sum, { length }) => sum + length + 1, -1);
  const packed = Buffer.allocUnsafe(size);
  let at = 0;
  for (const body of bodies) {
    if (at > 0) packed[at++] = LINE_FEED;
    packed.set(body, at);
    at += body.length;
  }
  return packed;
}

/** Whether a body stays one record in a pack. */
export const canBePacked = (body: Uint8Array): boolean => body.length > 0 && !body.includes(LINE_FEED);

/** Records of a pack, at most. What other programs send may have more, and is then no pack. */
export const MOST_PACKED = 10_000;

/**
 * Where the bodies lie in a pack: where each begins and where it ends, one after the other. Empty lines are none; another program may end
 * the last line, or use CR LF.
 * @param most those of one body more are given at most
 */
export function placesOf(pack: Uint8Array, most = MOST_PACKED): number[] {
  const places: number[] = [];
  for (let from = 0; from < pack.length && places.length <= most * 2; ) {
    const end = pack.indexOf(LINE_FEED, from);
    const to = end === -1 ? pack.length : end;
    const last = pack[to - 1] === CARRIAGE_RETURN ? to - 1 : to;
    if (last > from) places.push(from, last);
    from = to + 1;
  }
  return places;
}

/** The bodies in a pack, as parts of its memory. @param most as for {@link placesOf} */
export function* bodiesOf(pack: Buffer, most = MOST_PACKED): Generator<Buffer, undefined> {
  const places = placesOf(pack, most);
  for (let at = 0; at < places.length; at += 2) yield pack.subarray(places[at], places[at + 1]);
}

/** What is left of a pack from which some records were taken. */
export interface PackRest {
  /** The bodies that are left, as they were; empty if none is. */
  readonly content: Buffer;
  readonly taken: number;
  readonly left: number;
}

/** A pack without some of its records, however many it holds: also one that is too large to be read as a pack. */
export function packWithout(pack: Buffer, isMeant: (body: Buffer) => boolean): PackRest {
  const kept: Buffer[] = [];
  let taken = 0;
  for (const body of bodiesOf(pack, Number.POSITIVE_INFINITY)) {
    if (isMeant(body)) taken += 1;
    else kept.push(body);
  }
  return { content: kept.length === 0 ? Buffer.alloc(0) : packBodies(kept), taken, left: kept.length };
}

/** The length of the place in the id of a packed record: ids sort as text, and a message has 16 MB at most. */
const PLACE_DIGITS = 7;

/**
 * The message id of a record in a pack: that of the pack, and its place. It sorts behind the pack's own and before those of later
 * messages, as the record does.
 */
export const packedId = (packId: string, place: number): string =>
  `${packId}.${String(place).padStart(PLACE_DIGITS, '0')}`;
