import { createPipeline, defineEntity } from 'tributary';

const reading = defineEntity({
  dataset: 'readings',
  queue: 'readings',
  key: 'id',
  version: 'at',
  fields: { id: 'string', at: 'datetime', celsius: 'number' },
});
const measured = [
  { id: 'roof-1', at: '2026-03-01T00:00:00.000Z', celsius: 19.5 },
  { id: 'roof-2', at: '2026-03-01T01:00:00.000Z', celsius: 21 },
];

const pipeline = createPipeline({
  config: {
    entities: { reading },
    endpoints: { thermometer: { source: 'program', entity: 'reading', incremental: {} } },
  },
  sources: {
    thermometer: () => ({
      countsPages: false,
      // What changed since the newest version that was seen, or everything; in as many pages as it likes.
      async *pages({ since }) {
        const records = measured.filter(({ at }) => since === undefined || at >= String(since));
        yield { records, fetchedAt: Date.now(), serverTime: undefined };
      },
    }),
  },
  output: 'measured',
  schedule: false,
});

await pipeline.start();
const { rows } = await pipeline.once();
measured.push({ id: 'roof-3', at: '2026-03-01T02:00:00.000Z', celsius: 20.5 });
const { polled, rows: more } = await pipeline.once();
console.log(JSON.stringify({ rows, polled, more }));
await pipeline.stop();
