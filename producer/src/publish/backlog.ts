import { Gauge, type OpenPublication, type Registry } from '@tributary/shared';
import { BacklogAge } from './backlog-age.js';

/**
 * Measures how many records lie in RabbitMQ or with a consumer, and how long the oldest has. The length of a queue tells messages, and a
 * message may be a pack.
 * @param queues those of the pipeline
 * @param now milliseconds of a clock that is never set
 * @returns takes note of what is not settled yet
 */
export function measureBacklog(
  registry: Registry,
  queues: Iterable<string>,
  now: () => number,
): (open: readonly OpenPublication[]) => void {
  const gauge = new Gauge({
    name: 'tributary_backlog_records',
    help: 'Records that RabbitMQ has confirmed and no consumer has settled, as of some seconds ago. Every producer tells those of all; those of other programs are not among them',
    labelNames: ['queue'],
    registers: [registry],
  });
  const ages = new Map([...queues].map((queue) => [queue, new BacklogAge()]));
  new Gauge({
    name: 'tributary_backlog_oldest_seconds',
    help: 'For how long the oldest of these records has waited, its batch included, as far as this producer has seen it: after its start it counts from there, so the largest over all producers counts',
    labelNames: ['queue'],
    registers: [registry],
    collect() {
      for (const [queue, age] of ages) this.set({ queue }, age.at(now()) / 1_000);
    },
  });
  return (open) => {
    const confirmed = new Map<string, Map<string, number>>();
    const records = new Map([...ages.keys()].map((queue) => [queue, 0]));
    for (const { token, counts, settled } of open) {
      for (const [queue, all] of Object.entries(counts)) {
        const missing = Math.max(0, all - (settled[queue] ?? 0));
        records.set(queue, (records.get(queue) ?? 0) + missing);
        confirmed.set(queue, (confirmed.get(queue) ?? new Map<string, number>()).set(token, all));
      }
    }
    for (const [queue, count] of records) {
      gauge.set({ queue }, count);
      ages.get(queue)?.look(now(), confirmed.get(queue) ?? new Map(), count);
    }
  };
}
