import { sizeOf, warmUpOf } from '../bench.js';
import { type CpuSeconds, withCpu } from '../cpu.js';
import { drainByConsumers, drainLimit } from '../drain.js';
import { type Figure, LeftOut } from '../figure.js';
import { interleave } from '../interleave.js';
import { customerMessages } from '../messages.js';
import { median } from '../statistics.js';

function scaleFigure(consumers: number, sentence: string): Figure {
  const name = `scale.${consumers}`;
  return {
    name,
    sentence,
    unit: 'records/s',
    async measure(bench) {
      if (bench.quick && consumers !== 2) throw new LeftOut('a quick run measures two consumers alone');
      const { records, rounds } = sizeOf(bench, {
        // Enough records that the first consumer cannot empty the queue before the others have started.
        quick: { records: 100_000, rounds: 1 },
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

/** Of a core. Four consumers, Redis and RabbitMQ together take less than two cores then. */
const SMALL = 0.2;

/**
 * Consumers that are limited to a fifth of a core each, as if each had a small machine of its own: two cores are room for four of them
 * beside the servers. Without limits, one consumer alone takes all that the servers leave, and more of them show nothing.
 */
const scaleSmall: Figure = {
  name: 'scale.small',
  sentence:
    'Four consumers that may use a fifth of a core each, together; and how many times as fast as one two and four are.',
  unit: 'records/s',
  async measure(bench) {
    if (bench.quick) throw new LeftOut('a quick run has no time for slow consumers');
    const found = new Map<number, number[]>(COUNTS.map((count) => [count, []]));
    const records = 60_000;
    const messages = customerMessages({ count: records });
    for (let round = 1; round <= 3; round++) {
      for (const [consumers, speeds] of found) {
        const rows = { customers: records };
        const load = {
          sink: 'csv',
          messages,
          pack: 100,
          rows,
          consumers,
          warmUp: warmUpOf(records),
          cpuShare: SMALL,
        } as const;
        const { perSecond } = await drainByConsumers(bench, load);
        speeds.push(Math.round(perSecond));
        bench.say(
          `scale.small, round ${round} of 3, ${consumers} consumers: ${Math.round(perSecond).toLocaleString('en')}/s`,
        );
      }
    }
    const [one = 1, two = 0, four = 0] = [...found.values()].map(median);
    const times = { two: Math.round((two / one) * 100) / 100, four: Math.round((four / one) * 100) / 100 };
    const detail = `one: ${one.toLocaleString('en')}/s; two are ${times.two} times as fast, four ${times.four} times`;
    return { value: four, more: { one, two, times, rounds: Object.fromEntries(found) }, detail };
  },
};

const COUNTS = [1, 2, 4];

export const scaleFigures: readonly Figure[] = [
  scaleFigure(1, 'One consumer to CSV, and the CPU time for a million records.'),
  scaleFigure(2, 'Two consumers on the same queue, together.'),
  scaleFigure(3, 'Three consumers on the same queue, together.'),
  scaleSmall,
];
