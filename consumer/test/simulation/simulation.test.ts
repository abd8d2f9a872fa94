import fc from 'fast-check';
import { expect, test } from 'vitest';
import { schedules, schedulesOfOneVersion, schedulesOfStars, schedulesOfTouches } from './schedule.js';
import { refusesSome, simulate } from './simulate.js';

/** Set SCHEDULES to run more of them, such as 100000 after a change of the protocol. */
const numRuns = Number(process.env.SCHEDULES ?? 1_000);

/** Fails with all steps of the schedule, which fast-check makes shorter. */
async function holds(...simulated: Parameters<typeof simulate>): Promise<void> {
  const { faults, trace } = await simulate(...simulated);
  if (faults.length > 0) throw new Error(`${faults.join('\n')}\n\n${trace.join('\n')}`);
}

test('with crashes between any two steps, every record lands once and every merged row is the join of its sides', async () => {
  const property = fc.asyncProperty(schedules, async (schedule) => {
    await holds(schedule);
  });
  await fc.assert(property, { numRuns });
}, 3_600_000);

test('with a sink that refuses some of the rows besides, the same holds once the dead letters are replayed', async () => {
  const property = fc.asyncProperty(schedules, async (schedule) => {
    await holds(schedule, { refuses: refusesSome });
  });
  await fc.assert(property, { numRuns: numRuns / 4 });
}, 3_600_000);

test('a sink that goes back to an older state, at any moment and among other faults, gets what it lacks', async () => {
  const property = fc.asyncProperty(schedules, fc.nat(5), async (schedule, goesBackAfter) => {
    await holds(schedule, { goesBackAfter });
  });
  await fc.assert(property, { numRuns: numRuns / 4 });
}, 3_600_000);

test('records in packs land once as well: a pack half committed, one confirmed twice, and one that holds A, B and A of one key', async () => {
  const property = fc.asyncProperty(schedules, fc.integer({ min: 2, max: 8 }), async (schedule, packs) => {
    await holds(schedule, { packs });
  });
  await fc.assert(property, { numRuns: numRuns / 2 });
}, 3_600_000);

test('records in packs of which the sink refuses some are buried alone, and land when they are replayed', async () => {
  const property = fc.asyncProperty(schedules, fc.integer({ min: 2, max: 8 }), async (schedule, packs) => {
    await holds(schedule, { packs, refuses: refusesSome });
  });
  await fc.assert(property, { numRuns: numRuns / 4 });
}, 3_600_000);

test('a configuration that changes, with consumers of the old and the new one side by side, leaves everything in the new form, once', async () => {
  const property = fc.asyncProperty(schedules, fc.nat(5), async (schedule, changesAfter) => {
    await holds(schedule, { changesAfter });
  });
  await fc.assert(property, { numRuns: numRuns / 4 });
}, 3_600_000);

const empty = { before: 'empty', after: 'empty' } as const;

test('a merge that leaves empty what is missing has a row for each line at any time, full or half, once', async () => {
  const property = fc.asyncProperty(schedules, async (schedule) => {
    await holds(schedule, { missing: empty });
  });
  await fc.assert(property, { numRuns: numRuns / 2 });
}, 3_600_000);

test('its rows are right as well in packs, and with a sink that refuses some of them', async () => {
  const packs = fc.integer({ min: 1, max: 8 });
  const property = fc.asyncProperty(schedules, packs, fc.boolean(), async (schedule, packed, refuses) => {
    const conditions = { missing: empty, packs: packed, ...(refuses && { refuses: refusesSome }) };
    await holds(schedule, conditions);
  });
  await fc.assert(property, { numRuns: numRuns / 4 });
}, 3_600_000);

test('half rows are made when a merge is changed to leave empty what is missing, and made anew when it did so before', async () => {
  const missing = fc.constantFrom({ before: 'wait', after: 'empty' } as const, empty);
  const property = fc.asyncProperty(schedules, fc.nat(5), missing, async (schedule, changesAfter, both) => {
    await holds(schedule, { changesAfter, missing: both });
  });
  await fc.assert(property, { numRuns: numRuns / 4 });
}, 3_600_000);

test('two merges, of which each takes for its lines what the other points at, have the rows of both', async () => {
  const second = { before: true, after: true };
  const property = fc.asyncProperty(schedules, fc.boolean(), async (schedule, refuses) => {
    await holds(schedule, { second, ...(refuses && { refuses: refusesSome }) });
  });
  await fc.assert(property, { numRuns: numRuns / 2 });
}, 3_600_000);

test('a merge that is added, changed or dropped alone has its rows made of what has landed, and no other row is made anew', async () => {
  const conditions = fc.record({
    second: fc.record({ before: fc.boolean(), after: fc.boolean() }),
    missing: fc.constantFrom({ before: 'wait', after: 'wait' } as const, { before: 'wait', after: 'empty' } as const),
    changesAfter: fc.nat(5),
  });
  const property = fc.asyncProperty(schedules, conditions, async (schedule, changes) => {
    await holds(schedule, { ...changes, changesMergesAlone: true });
  });
  await fc.assert(property, { numRuns: numRuns / 4 });
}, 3_600_000);

test('records that are deleted, and come back, under the version that they had before step back in no merged row', async () => {
  const conditions = fc.record({
    missing: fc.constantFrom({ before: 'wait', after: 'wait' } as const, empty),
    packs: fc.integer({ min: 1, max: 4 }),
    star: fc.boolean(),
  });
  const property = fc.asyncProperty(schedulesOfOneVersion, conditions, async (schedule, more) => {
    await holds(schedule, more);
  });
  await fc.assert(property, { numRuns: numRuns / 2 });
}, 3_600_000);

test('merged rows without the versions of their records are there once, whatever of these changes and is not shown', async () => {
  const conditions = fc.record({
    missing: fc.constantFrom({ before: 'wait', after: 'wait' } as const, empty),
    packs: fc.integer({ min: 1, max: 4 }),
    star: fc.boolean(),
  });
  const property = fc.asyncProperty(
    fc.oneof(schedulesOfTouches, schedulesOfOneVersion),
    conditions,
    async (schedule, more) => {
      await holds(schedule, { ...more, plain: true });
    },
  );
  await fc.assert(property, { numRuns: numRuns / 4 });
}, 3_600_000);

const star = true;

test('a star, whose lines point at two entities, has the row of each line once, whichever of the three sides comes first or changes', async () => {
  const conditions = fc.record({
    missing: fc.constantFrom({ before: 'wait', after: 'wait' } as const, empty),
    packs: fc.integer({ min: 1, max: 4 }),
    refuses: fc.integer({ min: 0, max: 3 }).map((n) => (n === 0 ? refusesSome : undefined)),
  });
  const property = fc.asyncProperty(schedulesOfStars, conditions, async (schedule, { refuses, ...more }) => {
    await holds(schedule, { ...more, star, ...(refuses && { refuses }) });
  });
  await fc.assert(property, { numRuns });
}, 3_600_000);

test('a star is right after a change of the configuration, and where the sink goes back', async () => {
  const missing = fc.constantFrom(
    empty,
    { before: 'wait', after: 'empty' } as const,
    { before: 'wait', after: 'wait' } as const,
  );
  const property = fc.asyncProperty(
    schedulesOfStars,
    fc.nat(5),
    missing,
    fc.boolean(),
    async (schedule, at, both, isChange) => {
      await holds(schedule, {
        star,
        missing: both,
        ...(isChange
          ? { changesAfter: at }
          : { goesBackAfter: at, missing: { before: both.before, after: both.before } }),
      });
    },
  );
  await fc.assert(property, { numRuns: numRuns / 2 });
}, 3_600_000);

test('a rebuilt ledger stays if the answer that it is published is lost, and the command is sent again', async () => {
  const customer = { entity: 'customer', key: 0, sameVersion: false, twice: false, deleted: false } as const;
  const { faults } = await simulate(
    {
      versioned: false,
      consumers: 3,
      burst: 1,
      requeue: 'front',
      publications: [
        { ...customer, content: 0 },
        { ...customer, content: 1 },
      ],
      segments: [
        { steps: 14, pick: 0, fault: { kind: 'flush Redis' } },
        { steps: 10, pick: 0, fault: { kind: 'pause', consumer: 0, steps: 0 } },
        { steps: 13, pick: 0, fault: { kind: 'pause', consumer: 2, steps: 52 } },
        { steps: 53, pick: 863, fault: { kind: 'repeat a Redis command', consumer: 1 } },
      ],
    },
    { packs: 2, refuses: refusesSome },
  );
  expect(faults).toEqual([]);
});

test('a record that landed under another message of the same content is merged as that one, and not written once more after the ledger is lost', async () => {
  const record = { sameVersion: false, twice: false, deleted: false } as const;
  const { faults } = await simulate(
    {
      versioned: false,
      consumers: 3,
      burst: 1,
      requeue: 'front',
      publications: [
        { ...record, entity: 'inventory', key: 0, content: 0 },
        { ...record, entity: 'customer', key: 0, content: 0 },
        { ...record, entity: 'customer', key: 1, content: 0 },
        { ...record, entity: 'customer', key: 0, content: 0 },
        { ...record, entity: 'inventory', key: 0, content: 1 },
        { ...record, entity: 'customer', key: 0, content: 0 },
      ],
      segments: [
        { steps: 46, pick: 768, fault: { kind: 'hang', consumer: 1, steps: 11 } },
        { steps: 28, pick: 349, fault: { kind: 'cut the power', consumer: 2 } },
        { steps: 34, pick: 484, fault: { kind: 'kill and flush Redis', consumer: 1 } },
      ],
    },
    { refuses: refusesSome },
  );
  expect(faults).toEqual([]);
});

test("an output that goes back after a dead consumer's rows were found in it, and before they are committed, is polled in full", async () => {
  const record = { key: 0, sameVersion: false, twice: false, deleted: false } as const;
  const { faults } = await simulate(
    {
      versioned: false,
      consumers: 2,
      burst: 1,
      requeue: 'front',
      publications: [
        { ...record, entity: 'customer', content: 0 },
        { ...record, entity: 'inventory', content: 0, deleted: true },
        { ...record, entity: 'customer', content: 1 },
      ],
      segments: [
        { steps: 48, pick: 730, fault: { kind: 'stop', consumer: 1 } },
        { steps: 14, pick: 0, fault: { kind: 'pause', consumer: 1, steps: 15 } },
        { steps: 43, pick: 814, fault: { kind: 'hang', consumer: 0, steps: 23 } },
        { steps: 22, pick: 0, fault: { kind: 'stop', consumer: 0 } },
      ],
    },
    { goesBackAfter: 3, missing: { before: 'empty', after: 'empty' } },
  );
  expect(faults).toEqual([]);
});
