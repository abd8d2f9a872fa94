import { sizeOf, warmUpOf } from '../bench.js';
import type { Figure } from '../figure.js';
import { flow } from '../flow.js';
import { madePages } from '../pages.js';
import type { Program } from '../program.js';

export const memory: Figure = {
  name: 'memory',
  unit: 'MB',
  sentence: 'The most resident memory that the consumer had while unique records flowed from HTTP pages to CSV.',
  async measure(bench) {
    const { records } = sizeOf(bench, {
      quick: { records: 100_000, rounds: 1 },
      full: { records: 1_800_000, rounds: 1 },
    });
    const seen = { producer: [] as number[], consumer: [] as number[] };
    const { perSecond } = await flow(bench, {
      records,
      warmUp: warmUpOf(records),
      pages: madePages(records),
      async watch(producer, consumer) {
        seen.producer.push(await residentMegabytes(producer));
        seen.consumer.push(await residentMegabytes(consumer));
      },
    });
    bench.say(`memory: ${records.toLocaleString('en')} records, ${Math.round(perSecond).toLocaleString('en')}/s`);
    const producerMb = Math.max(...seen.producer);
    const lastMb = seen.consumer.at(-1) ?? 0;
    return {
      value: Math.max(...seen.consumer),
      more: {
        records,
        lastMb,
        producerMb,
        producerLastMb: seen.producer.at(-1) ?? 0,
        perSecond: Math.round(perSecond),
      },
      detail: `${records.toLocaleString('en')} records; ${lastMb} MB at the end; the producer's most: ${producerMb} MB`,
    };
  },
};

async function residentMegabytes(program: Program): Promise<number> {
  return Math.round((await program.metrics())('process_resident_memory_bytes') / 1024 ** 2);
}
