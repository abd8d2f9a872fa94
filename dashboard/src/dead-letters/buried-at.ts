import type { ConsumeMessage } from '@tributary/shared';
import type { DeadLetter } from './letter.js';

/** Milliseconds by which the clock of who buried a letter may be ahead of ours. */
const AHEAD = 86_400_000;

/**
 * When a letter was buried, in milliseconds since the epoch: by the consumer's word, or by RabbitMQ's where that gave the message up. The
 * later one of both: a message may bring the headers of an earlier death with it. Undefined if neither says so, or says a time to come.
 */
export function buriedAt(
  { deadAt }: Pick<DeadLetter, 'deadAt'>,
  { properties }: Pick<ConsumeMessage, 'properties'>,
  now: number,
): number | undefined {
  const told = [Date.parse(deadAt), ...deathsOf(properties.headers?.['x-death'])].filter(Number.isFinite);
  const last = Math.max(...told);
  return told.length === 0 || last > now + AHEAD ? undefined : last;
}

/** RabbitMQ lists each queue in which a message died, with the time in seconds. */
const deathsOf = (deaths: unknown): number[] =>
  Array.isArray(deaths) ? deaths.map((death: { time?: { value?: unknown } } | null) => timeOf(death?.time?.value)) : [];

const timeOf = (seconds: unknown): number => (typeof seconds === 'number' ? seconds * 1_000 : Number.NaN);
