import { type ConsumeMessage, type Entity, isPack, packWithout, parseBody } from '@tributary/shared';
import type { DeadLetter } from './letter.js';

/** Names a record. */
export interface RecordName {
  readonly entity: string;
  readonly key: string;
}

/**
 * Whose a letter is, seen from one record. `shared` is a pack that lies there whole, with records of other keys beside it; of `unknown` nobody
 * can tell: it names no key, and its body cannot be read (it is no JSON, or a pack of a form that this version does not know).
 */
export type Whose = 'its' | 'others' | 'shared' | 'unknown';

/** @param body of the original, which may be kept elsewhere; undefined if it cannot be read */
export function whoseLetter(
  { key: named }: Pick<DeadLetter, 'key'>,
  { properties }: Pick<ConsumeMessage, 'properties'>,
  body: Buffer | undefined,
  entity: Entity,
  key: string,
): Whose {
  if (named === key) return 'its';
  const otherwise = named === null ? 'unknown' : 'others';
  if (body === undefined) return otherwise;
  if (!isPack(properties)) return whoseRecord(body, entity, key) ?? otherwise;
  let unreadable = 0;
  const { taken, left } = packWithout(body, (one) => {
    const whose = whoseRecord(one, entity, key);
    if (whose === undefined) unreadable += 1;
    return whose === 'its';
  });
  if (taken > 0) return left === 0 ? 'its' : 'shared';
  return unreadable > 0 ? 'unknown' : 'others';
}

/** Whether the body of one record is of a key. */
export const isOfKey = (body: Uint8Array, entity: Entity, key: string): boolean =>
  whoseRecord(body, entity, key) === 'its';

function whoseRecord(body: Uint8Array, entity: Entity, key: string): 'its' | 'others' | undefined {
  try {
    const found = entity.keyOf(parseBody(body));
    if (found === undefined) return undefined;
    return found === key ? 'its' : 'others';
  } catch {
    return undefined;
  }
}
