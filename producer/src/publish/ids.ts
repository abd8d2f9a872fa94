import { randomBytes, randomInt } from 'node:crypto';
import { activeSpan, type Telemetry } from '@tributary/shared';
import { v7 } from 'uuid';

/** Makes ids. It is passed in, so that tests can predict them. */
export interface Ids {
  /**
   * A UUIDv7 (RFC 9562) of this time, or of the latest time before if that is later. Each is greater than all before it in
   * this process, also when the clock stands still or is set back.
   * @param time milliseconds since the epoch
   */
  messageId(time: number): string;
  /**
   * From now on no id has an earlier time. Other producers, or this one before a restart, may have used a clock ahead of
   * ours, and of two records without a version the one with the later id counts as newer.
   * @param time milliseconds since the epoch
   */
  notBefore(time: number): void;
  /** Random bytes, in hex. */
  random(bytes: number): string;
  /** The `traceparent` of the span that the present work is part of; absent where nothing is traced. */
  readonly traceparent?: () => string | undefined;
}

const MAX_SEQUENCE = 0xffffffff;

/** @param telemetry where it is there, messages carry the trace of the work that made them */
export function createIds(telemetry?: Telemetry): Ids {
  let msecs = 0;
  let seq = 0;
  const goOnFrom = (time: number) => {
    msecs = time;
    // A random start in the lower half keeps the ids of two processes apart, and leaves room to count.
    seq = randomInt(0x7fffffff);
  };
  return {
    messageId(time) {
      if (time > msecs) goOnFrom(time);
      else if (seq < MAX_SEQUENCE) seq += 1;
      else goOnFrom(msecs + 1);
      return v7({ msecs, seq });
    },
    notBefore(time) {
      if (time > msecs) goOnFrom(time);
    },
    random: (bytes) => randomBytes(bytes).toString('hex'),
    ...(telemetry !== undefined && { traceparent: () => activeSpan()?.traceparent }),
  };
}

/**
 * Starts the trace of a run that no span tells of. Each call of the result gives the `traceparent` (W3C Trace Context) of one more message. A span
 * id is a random half and a counter: random bytes for every message would cost more than the rest of the message.
 */
export function startTrace(ids: Ids): () => string {
  const trace = ids.random(16);
  const half = ids.random(4);
  let count = 0;
  const madeUp = () => {
    count = (count % 0xffffffff) + 1;
    return `00-${trace}-${half}${count.toString(16).padStart(8, '0')}-01`;
  };
  const { traceparent } = ids;
  return traceparent === undefined ? madeUp : () => traceparent() ?? madeUp();
}
