import { randomBytes } from 'node:crypto';
import { v7 } from 'uuid';

/** Where identities come from; passed in, so that tests can foresee them. */
export interface Ids {
  /** A UUIDv7 (RFC 9562), greater than every one before it in this process, also when the clock stands or steps back. */
  messageId(): string;
  /** Random bytes, in hex. */
  random(bytes: number): string;
}

export const systemIds: Ids = {
  messageId: () => v7(),
  random: (bytes) => randomBytes(bytes).toString('hex'),
};

/**
 * One trace for a run: each call gives the `traceparent` (W3C Trace Context) of one more message in it. Span ids are a
 * random half and a counter, since random bytes for every message would cost more than the rest of making it.
 */
export function startTrace(ids: Ids): () => string {
  const trace = ids.random(16);
  const half = ids.random(4);
  let count = 0;
  return () => {
    count = (count % 0xffffffff) + 1;
    return `00-${trace}-${half}${count.toString(16).padStart(8, '0')}-01`;
  };
}
