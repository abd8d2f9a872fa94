import { createPipeline, defineEntity } from 'tributary';

const reading = defineEntity({
  dataset: 'readings',
  queue: 'readings',
  key: ['sensor', 'at'],
  fields: { sensor: 'string', at: 'datetime', celsius: 'number?' },
});
const pipeline = createPipeline({ config: { entities: { reading }, endpoints: {} }, output: 'rows' });
pipeline.on('dead', ({ key, reason }) => console.error(`${key} cannot be written: ${reason}`));

await pipeline.start();
const measured = [19.5, 21, 20.5].map((celsius, hour) => ({
  sensor: 'roof',
  at: new Date(Date.UTC(2026, 2, 1, hour)),
  celsius,
}));
await Promise.all(measured.map((record) => pipeline.publish('reading', record, { durable: true })));
const { rows } = await pipeline.query(
  'SELECT sensor, count(*) AS readings, max(celsius) AS highest FROM readings GROUP BY ALL',
);
console.log(JSON.stringify(rows));
await pipeline.stop();
