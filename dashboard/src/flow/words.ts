import type { Flow } from './flow.js';

/** Seconds that a poll may be late before it counts as a problem. */
const LATE = 30;

/** What is wrong, in words: what happened, where, and what follows from it. The gravest first. */
export function tellProblems(flow: Omit<Flow, 'problems'>, now: number): string[] {
  const { broker, producers, consumers, queues, endpoints, datasets } = flow;
  const words: string[] = [];
  if (broker.known && !broker.connected)
    words.push('RabbitMQ is away. Nothing flows, and nothing is lost: it goes on by itself.');
  for (const { address, answers, problems } of producers) {
    if (!answers)
      words.push(`The producer at ${address} does not answer (${problems.join('; ')}). Nothing new is polled.`);
    else for (const problem of problems) words.push(`The producer at ${address} waits: ${problem}.`);
  }
  for (const { address, answers, problems } of consumers) {
    if (!answers)
      words.push(`The consumer at ${address} does not answer (${problems.join('; ')}). Others take over what it held.`);
    else for (const problem of problems) words.push(`The consumer at ${address} waits: ${problem}.`);
  }
  for (const { queue, ready, records, consumers: takers } of queues) {
    if (ready === null && broker.connected)
      words.push(`The queue ${queue} is not there yet: a producer or a consumer declares it.`);
    else if (takers === 0 && (ready ?? 0) > 0)
      words.push(`No consumer takes from ${queue}: ${Math.max(ready ?? 0, records ?? 0)} records wait there.`);
  }
  for (const { id, enabled, paused, retrying, problem, nextPollAt, running } of endpoints) {
    if (retrying !== null) words.push(tellRetrying(id, retrying, now));
    if (!enabled || paused || retrying !== null) continue;
    if (problem !== null) words.push(`${id}: ${problem}.`);
    const late = nextPollAt === null ? 0 : (now - Date.parse(nextPollAt)) / 1_000;
    if (late > LATE && !running && producers.some(({ answers }) => answers)) {
      words.push(`${id} should have been polled ${Math.round(late)} s ago.`);
    }
  }
  for (const { name, problems } of datasets) for (const problem of problems) words.push(`${name}: ${problem}.`);
  const dead = queues.reduce((sum, queue) => sum + (queue.dead ?? 0), 0);
  if (dead > 0)
    words.push(
      dead === 1
        ? '1 record could not be written. It is among the dead letters.'
        : `${dead} records could not be written. They are among the dead letters.`,
    );
  return words;
}

/** An outage as long as it lasts: the poll has not failed yet, and the next one is not due. */
function tellRetrying(id: string, { since, attempts, reason }: Retrying, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(since)) / 1_000));
  const times = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  return `${id}: the API does not answer as it should, for ${seconds} s now. ${times} failed: ${reason}. It is asked again, and nothing is lost.`;
}

type Retrying = NonNullable<Flow['endpoints'][number]['retrying']>;
