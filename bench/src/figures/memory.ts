import { sizeOf, warmUpOf } from '../bench.js';
import type { Figure } from '../figure.js';
import { flow } from '../flow.js';
import { madePages } from '../pages.js';
import type { Program } from '../program.js';

export const memory: Figure = {
  name: 'memory',
  unit: 'MB',
  sentence: 'The largest resident memory of the consumer while unique records flow from HTTP pages to CSV.',
  async measure(bench) {
    const { records } = sizeOf(bench, {
      quick: { records: 100_000, rounds: 1 },
      full: { records: 1_800_000, rounds: 1 },
    });
    const producerSizes: number[] = [];
    const consumerSizes: number[] = [];
    const { perSecond } = await flow(bench, {
      records,
      warmUp: warmUpOf(records),
      pages: madePages(records),
      async watch(producer, consumer) {
        producerSizes.push(await residentMegabytes(producer));
        consumerSizes.push(await residentMegabytes(consumer));
      },
    });
    bench.say(`memory: ${records.toLocaleString('en')} records, ${Math.round(perSecond).toLocaleString('en')}/s`);
    const producerMb = Math.max(...producerSizes);
    const lastMb = consumerSizes.at(-1) ?? 0;
    return {
      value: Math.max(...consumerSizes),
      more: {
        records,
        lastMb,
        producerMb,
        producerLastMb: producerSizes.at(-1) ?? 0,
        perSecond: Math.round(perSecond),
      },
      detail: `${records.toLocaleString('en')} records; ${lastMb} MB at the end; the producer's largest: ${producerMb} MB`,
    };
  },
};

async function residentMegabytes(program: Program): Promise<number> {
  return Math.round((await program.metrics())('process_resident_memory_bytes') / 1024 ** 2);
}
