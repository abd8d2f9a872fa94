import fc from 'fast-check';
import type { BrokerHabits } from './memory-broker.js';
import type { Publication } from './publications.js';

/** What goes wrong. `consumer` is a number of one of them. */
export type Fault =
  | {
      readonly kind:
        | 'none'
        | 'flush Redis'
        | 'restart Redis empty'
        | 'restart Redis with its last snapshot'
        | 'snapshot Redis';
    }
  | {
      readonly kind:
        | 'kill'
        | 'cut the power'
        | 'stop'
        | 'close channels'
        | 'cancel consumers'
        | 'fail a write'
        | 'repeat a Redis command';
      readonly consumer: number;
    }
  /** It hangs: broker and Redis think it dead, and it wakes up again after so many steps. */
  | { readonly kind: 'stall'; readonly consumer: number; readonly steps: number };

/** So many steps, in an order that comes from `pick` (0: one after the other, as they come), and then a fault. */
export interface Segment {
  readonly steps: number;
  readonly pick: number;
  readonly fault: Fault;
}

/** All that decides how a simulation goes. */
export interface Schedule extends BrokerHabits {
  readonly versioned: boolean;
  readonly consumers: number;
  readonly publications: readonly Publication[];
  readonly segments: readonly Segment[];
}

const consumer = fc.nat(2);

const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('none' as const) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('kill' as const), consumer }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('stall' as const), consumer, steps: fc.nat(120) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        ...([
          'cut the power',
          'stop',
          'close channels',
          'cancel consumers',
          'fail a write',
          'repeat a Redis command',
        ] as const),
      ),
      consumer,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        ...(['flush Redis', 'restart Redis empty', 'snapshot Redis', 'restart Redis with its last snapshot'] as const),
      ),
    }),
  },
);

const publication: fc.Arbitrary<Publication> = fc.record({
  entity: fc.constantFrom('customer' as const, 'inventory' as const),
  key: fc.nat(1),
  content: fc.nat(5),
  sameVersion: fc.integer({ min: 0, max: 7 }).map((n) => n === 7),
  twice: fc.integer({ min: 0, max: 7 }).map((n) => n === 7),
});

export const schedules: fc.Arbitrary<Schedule> = fc.record({
  versioned: fc.boolean(),
  consumers: fc.constantFrom(2, 3),
  burst: fc.integer({ min: 1, max: 3 }),
  requeue: fc.constantFrom('front' as const, 'back' as const),
  publications: fc.array(publication, { minLength: 1, maxLength: 8 }),
  segments: fc.array(fc.record({ steps: fc.nat(60), pick: fc.nat(1_000), fault }), { maxLength: 6 }),
});
