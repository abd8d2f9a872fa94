import { sizeOf, warmUpOf } from '../bench.js';
import { type CpuSeconds, withCpu } from '../cpu.js';
import { drainByConsumers, drainLimit } from '../drain.js';
import type { Figure } from '../figure.js';
import { interleave } from '../interleave.js';
import { customerMessages } from '../messages.js';

function scaleFigure(consumers: number, sentence: string): Figure {
  const name = `scale.${consumers}`;
  return {
    name,
    sentence,
    unit: 'records/s',
    async measure(bench) {
      const { records, rounds } = sizeOf(bench, {
        // Enough records that the first consumer cannot empty the queue before the others have started.
        quick: { records: 60_000, rounds: 1 },
        full: { records: 200_000, rounds: 3 },
      });
      const messages = customerMessages({ count: records });
      let cpu: CpuSeconds = {};
      const speed = await interleave(bench, name, rounds, {
        async ours() {
          const done = await drainByConsumers(bench, {
            sink: 'csv',
            messages,
            rows: { customers: records },
            consumers,
            warmUp: warmUpOf(records),
          });
          cpu = done.cpu;
          return done.perSecond;
        },
        limit: () => drainLimit(bench, messages),
      });
      return withCpu(speed, cpu);
    },
  };
}

export const scaleFigures: readonly Figure[] = [
  scaleFigure(1, 'One consumer to CSV, and the CPU time for a million records.'),
  scaleFigure(2, 'Two consumers on the same queue, together.'),
  scaleFigure(3, 'Three consumers on the same queue, together.'),
];
