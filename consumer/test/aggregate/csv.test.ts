import { describe } from 'vitest';
import { csvStore } from '../sinks/csv-store.js';
import { aggregateSuite } from './suite.js';
import { aggregatePipeline } from './world.js';

describe('aggregates on CSV', () => {
  aggregateSuite(async () => {
    const store = await csvStore();
    return { connect: (config = aggregatePipeline()) => store.connect(config), remove: () => store.remove() };
  }, 15);
});
