import fc from 'fast-check';
import type { BrokerHabits } from './memory-broker.js';
import type { Publication } from './publications.js';

const OF_REDIS = ['flush Redis', 'restart Redis empty', 'restart Redis with its last snapshot'] as const;

const OF_A_CONSUMER = [
  'stop',
  'close channels',
  'cancel consumers',
  'fail a write',
  'repeat a Redis command',
  'kill',
  'cut the power',
  'kill and flush Redis',
] as const;

/** What goes wrong. `consumer` is the number of one of them. */
export type Fault =
  | { readonly kind: 'none' | (typeof OF_REDIS)[number] }
  | { readonly kind: (typeof OF_A_CONSUMER)[number]; readonly consumer: number }
  /** It does nothing for this many steps. If it hangs, broker and Redis take it for dead meanwhile. */
  | { readonly kind: 'pause' | 'hang'; readonly consumer: number; readonly steps: number };

/**
 * A number of steps, in an order that comes from `pick` (0: in the order of their coming), and then a fault. Redis saves
 * a snapshot at the end of each segment.
 */
export interface Segment {
  readonly steps: number;
  readonly pick: number;
  readonly fault: Fault;
}

/** Everything that determines a simulation. */
export interface Schedule extends BrokerHabits {
  readonly versioned: boolean;
  readonly consumers: number;
  readonly publications: readonly Publication[];
  readonly segments: readonly Segment[];
}

const consumer = fc.nat(2);

const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('none' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom(...OF_REDIS) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom(...OF_A_CONSUMER), consumer }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('kill' as const), consumer }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom('pause' as const, 'hang' as const), consumer, steps: fc.nat(120) }),
  },
);

const content = fc.record({
  entity: fc.constantFrom('customer' as const, 'inventory' as const),
  key: fc.constantFrom(0, 0, 1),
  content: fc.nat(5),
  sameVersion: fc.integer({ min: 0, max: 7 }).map((n) => n === 7),
  twice: fc.integer({ min: 0, max: 7 }).map((n) => n === 7),
});

const ofStar = fc.constantFrom('customer' as const, 'inventory' as const, 'warehouse' as const);

const anyOf = (publication: fc.Arbitrary<Publication>) =>
  schedulesOf(fc.array(publication, { minLength: 1, maxLength: 8 }));

const isDeleted = fc.integer({ min: 0, max: 4 }).map((n) => n === 4);

/** All schedules, with any publications. */
export const schedules = anyOf(fc.tuple(content, isDeleted).map(([one, deleted]) => ({ ...one, deleted })));

/** Those with records of three entities. */
export const schedulesOfStars = anyOf(
  fc.tuple(content, isDeleted, ofStar).map(([one, deleted, entity]) => ({ ...one, entity, deleted })),
);

/** Those with few contents and many deletions, which have the version of the record that is deleted; it is back under that version too. */
export const schedulesOfOneVersion = schedulesOf(
  fc.array(
    fc.record({
      entity: fc.constantFrom('customer' as const, 'inventory' as const),
      key: fc.constant(0),
      content: fc.constantFrom(0, 0, 5),
      deleted: fc.integer({ min: 0, max: 2 }).map((n) => n === 2),
      sameVersion: fc.constant(true),
      keepsVersion: fc.boolean(),
      twice: fc.constant(false),
    }),
    { minLength: 3, maxLength: 8 },
  ),
).map((schedule) => ({ ...schedule, versioned: true }));

/** Those with few contents, of records that often get another version and nothing else. */
export const schedulesOfTouches = anyOf(
  fc.tuple(content, fc.constantFrom(0, 0, 1, 5), isDeleted, fc.boolean()).map(([one, few, deleted, touched]) => {
    return { ...one, content: few, deleted, touched, sameVersion: one.sameVersion && !touched };
  }),
).map((schedule) => ({ ...schedule, versioned: true }));

/** Those in which no record is deleted. */
export const schedulesWithoutDeletions = anyOf(content.map((one) => ({ ...one, deleted: false })));

export function schedulesOf(publications: fc.Arbitrary<readonly Publication[]>): fc.Arbitrary<Schedule> {
  return fc.record({
    versioned: fc.boolean(),
    consumers: fc.constantFrom(2, 3),
    burst: fc.integer({ min: 1, max: 3 }),
    requeue: fc.constantFrom('front' as const, 'back' as const),
    publications,
    segments: fc.array(fc.record({ steps: fc.nat(60), pick: fc.nat(1_000), fault }), { maxLength: 6 }),
  });
}
