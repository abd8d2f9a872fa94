import { type Bench, type Size, sizeOf, warmUpOf } from '../bench.js';
import { type CpuSeconds, withCpu } from '../cpu.js';
import { drainByConsumers, drainLimit } from '../drain.js';
import type { Figure } from '../figure.js';
import { interleave } from '../interleave.js';
import { customerMessages, ITEMS, itemMessages } from '../messages.js';

/** Records in a message. The limit, and the figures `scale`, have one. */
const PACK = 100;

/** Records of the limit: one a message, they take longer to publish than all the others. */
const OF_LIMIT = 30_000;

interface Plan {
  readonly name: string;
  readonly sentence: string;
  readonly sink: 'csv' | 'postgres';
  readonly quick: Size;
  readonly full: Size;
  /** One record in this many is new; the others repeat earlier ones. */
  readonly newEvery?: number;
  /** Order lines of each customer. */
  readonly lines?: number;
}

/** A consumer with default settings, compared with a program that only acknowledges the same records, one a message. */
function drainFigure({ name, sentence, sink, quick, full, newEvery = 1, lines = 0 }: Plan): Figure {
  return {
    name,
    sentence,
    unit: 'records/s',
    async measure(bench: Bench) {
      const { records, rounds } = sizeOf(bench, { quick, full });
      const unique = Math.ceil(records / newEvery);
      const messages = customerMessages({ count: records, newEvery, lines });
      const items = lines > 0 ? itemMessages() : [];
      const merged = lines > 0 ? { inventory: ITEMS, customer_inventory: unique * lines } : {};
      const rows = { customers: unique, ...merged };
      let cpu: CpuSeconds = {};
      const speed = await interleave(bench, name, rounds, {
        async ours() {
          const load = { sink, messages, pack: PACK, items, rows, consumers: 1, warmUp: warmUpOf(records) };
          const done = await drainByConsumers(bench, load);
          cpu = done.cpu;
          return done.perSecond;
        },
        limit: () => drainLimit(bench, messages.slice(0, OF_LIMIT)),
      });
      return withCpu(speed, cpu);
    },
  };
}

export const drainFigures: readonly Figure[] = [
  drainFigure({
    name: 'drain.csv',
    sentence:
      'One consumer writes unique records, in packs of 100, to CSV, with fsync. The limit acknowledges them one a message.',
    sink: 'csv',
    quick: { records: 100_000, rounds: 2 },
    full: { records: 200_000, rounds: 5 },
  }),
  drainFigure({
    name: 'drain.postgres',
    sentence: 'The same into Postgres, with one committed transaction per flush.',
    sink: 'postgres',
    quick: { records: 100_000, rounds: 2 },
    full: { records: 200_000, rounds: 5 },
  }),
  drainFigure({
    name: 'drain.duplicates',
    sentence: 'The same to CSV, but nine of ten records repeat an earlier one.',
    sink: 'csv',
    newEvery: 10,
    quick: { records: 150_000, rounds: 2 },
    full: { records: 300_000, rounds: 5 },
  }),
  drainFigure({
    name: 'drain.merge',
    sentence: `The same to CSV for customers with 3 order lines each, merged with ${ITEMS} items: four rows per record.`,
    sink: 'csv',
    lines: 3,
    quick: { records: 25_000, rounds: 2 },
    full: { records: 60_000, rounds: 5 },
  }),
];
