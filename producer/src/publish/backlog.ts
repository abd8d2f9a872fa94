import { Gauge, type OpenPublication, type Registry } from '@tributary/shared';

/**
 * Measures how many records lie in RabbitMQ or with a consumer. The length of a queue tells messages, and a message may be a pack.
 * @param queues those of the pipeline
 * @returns takes note of what is not settled yet
 */
export function measureBacklog(
  registry: Registry,
  queues: Iterable<string>,
): (open: readonly OpenPublication[]) => void {
  const gauge = new Gauge({
    name: 'tributary_backlog_records',
    help: 'Records that RabbitMQ has confirmed and no consumer has settled, as of some seconds ago. Every producer tells those of all; those of other programs are not among them',
    labelNames: ['queue'],
    registers: [registry],
  });
  const known = [...queues];
  return (open) => {
    const records = new Map(known.map((queue) => [queue, 0]));
    for (const { counts, settled } of open) {
      for (const [queue, all] of Object.entries(counts)) {
        const missing = Math.max(0, all - (settled[queue] ?? 0));
        records.set(queue, (records.get(queue) ?? 0) + missing);
      }
    }
    for (const [queue, count] of records) gauge.set({ queue }, count);
  };
}
