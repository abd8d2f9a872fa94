// Run by Vitest, beside which fast-check is installed: npm i -D vitest fast-check
import { RetryableError } from 'tributary';
import { contextOf, describeSink, describeSource } from 'tributary/testing';
import { MemoryStore } from './memory-sink.mjs';

describeSink(
  'memory',
  async () => {
    const store = new MemoryStore();
    return {
      connect: (config) => store.connect(contextOf(config)),
      obstruct: async (dataset) => {
        store.away.add(dataset);
        return async () => {
          store.away.delete(dataset);
        };
      },
      remove: async () => {},
    };
  },
  { erases: false },
);

describeSource('list', async () => {
  const records = new Map();
  let isAway = false;
  return {
    endpoint: { id: 'list' },
    source: {
      countsPages: false,
      async *pages({ since, signal }) {
        if (isAway) throw new RetryableError('list_away', 'list: nobody answers');
        const found = [...records.values()].filter(({ updatedAt }) => since === undefined || updatedAt >= since);
        for (let at = 0; at === 0 || at < found.length; at += 10) {
          signal.throwIfAborted();
          yield { records: found.slice(at, at + 10), fetchedAt: Date.now(), serverTime: undefined };
        }
      },
    },
    now: () => Date.now(),
    async put(given) {
      for (const record of given) records.set(record.id, record);
    },
    goAway: async () => {
      isAway = true;
      return async () => {
        isAway = false;
      };
    },
    secret: 'there is none',
  };
});
