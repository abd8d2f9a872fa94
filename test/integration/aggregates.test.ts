import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { aggregateSuite } from '../../consumer/test/aggregate/suite.js';
import { aggregatePipeline, World } from '../../consumer/test/aggregate/world.js';
import { postgresStore } from './postgres-store.js';

describe.each([{ deletes: 'remove' }, { deletes: 'keep' }] as const)(
  'aggregates on Postgres, deletes: $deletes',
  ({ deletes }) => {
    aggregateSuite(async () => {
      const store = await postgresStore(inject('postgresUrl'), { history: true, deletes });
      return { connect: (config = aggregatePipeline()) => store.connect(config), remove: () => store.remove() };
    }, 6);
  },
);

test('a table that a person has emptied is filled again, although nothing else has changed', async () => {
  const store = await postgresStore(inject('postgresUrl'));
  const world = new World(store.connect(aggregatePipeline()));
  onTestFinished(async () => {
    await world.end();
    await store.remove();
  });
  await world.begin();
  await world.write([['a', { shop: 'north', cents: 1, grams: 1, units: 1, hour: 1, buyer: 1 }]]);
  await world.calculate(undefined, undefined, async () => void (await store.query('TRUNCATE in_all')));
  expect(await world.rows('in_all')).toMatchObject([{ sales: 1 }]);
});
