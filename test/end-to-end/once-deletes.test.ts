import { expect, test } from 'vitest';
import { uniqueName } from '../services/handle.js';
import { runOnce } from './support/once.js';
import { readRows } from './support/output.js';
import { startRecordsApi } from './support/records-api.js';
import { useStage } from './support/stage.js';

const stage = useStage();

const UPDATED = '2026-01-05T00:00:00.000Z';
const order = (id: number, more: object = {}) => ({ id, state: 'open', updatedAt: UPDATED, ...more });
const orders = (...ids: number[]) => ids.map((id) => order(id));

test('npm start -- --once, with nothing but Node, deletes what an API marks and what it leaves out', async () => {
  const api = await startRecordsApi(stage, { orders: orders(1, 2, 3, 4, 5, 6, 7) });
  const output = stage.path(uniqueName('out'));
  const config = stage.write(
    'deletes.yaml',
    `
name: ${uniqueName('deletes')}
entities:
  order: { dataset: orders, queue: orders, key: id, version: updatedAt, fields: { id: integer, state: string, updatedAt: datetime } }
endpoints:
  orders: { url: ${api.url}/orders, entity: order, retries: 0, deletes: { when: "state == 'void'", missing: true } }
`,
  );
  const run = async () => {
    const { code, summary } = await runOnce(stage, ['--output', output, '--config', config], {});
    return { code, ...summary.endpoints[0], dead: summary.deadLettered };
  };
  /** The newest row of each key says whether it is there. */
  const live = async () => {
    const newest = new Map<string, { readonly messageId: string; readonly deleted: boolean }>();
    for (const row of await readRows(output, 'orders')) {
      if ((newest.get(row.key)?.messageId ?? '') < row.messageId) newest.set(row.key, row);
    }
    return [...newest].flatMap(([key, { deleted }]) => (deleted ? [] : [key])).toSorted();
  };

  expect(await run()).toMatchObject({ code: 0, records: 7, dead: 0 });
  expect(await live()).toEqual(['1', '2', '3', '4', '5', '6', '7']);

  api.records.orders = [...orders(1, 2, 3, 4, 5), order(6, { state: 'void' })];
  expect(await run()).toMatchObject({ code: 0, deleted: 2, dead: 0 });
  expect(await live()).toEqual(['1', '2', '3', '4', '5']);

  api.records.orders = orders(1);
  expect(await run()).toMatchObject({
    notDeleted: {
      records: 4,
      reason: expect.stringContaining('4 of 5 records that earlier polls brought are missing'),
    },
  });
  expect(await live()).toEqual(['1', '2', '3', '4', '5']);

  api.records.orders = orders(1, 2, 3, 4, 5, 7);
  expect(await run()).toMatchObject({ code: 0, dead: 0 });
  expect(await live()).toEqual(['1', '2', '3', '4', '5', '7']);
});
