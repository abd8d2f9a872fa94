import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { uniqueName } from '../services/handle.js';
import { runOnce } from './support/once.js';
import { readRows } from './support/output.js';
import { type RecordsApi, startRecordsApi } from './support/records-api.js';
import { useStage } from './support/stage.js';

const stage = useStage();

/** Minutes after the beginning of a day long ago. */
const at = (minute: number): string => new Date(Date.UTC(2026, 0, 5, 0, minute)).toISOString();
const order = (id: number, minute = id, more: object = {}) => ({ id, total: id * 10, updatedAt: at(minute), ...more });

describe('npm start -- --once, with nothing but Node, keeps how far it came with the output', () => {
  let api: RecordsApi;
  let output: string;
  let file: string;

  const pipeline = (total = 'integer', more = '') => `
name: ${uniqueName('marks')}
entities:
  order: { dataset: orders, queue: orders, key: id, version: updatedAt, fields: { id: integer, total: ${total}, updatedAt: datetime } }
  item: { dataset: items, queue: items, key: id, version: updatedAt, fields: { id: integer, total: integer?, updatedAt: datetime } }
endpoints:
  orders: { url: ${api.url}/orders, entity: order, retries: 0, incremental: { parameter: since, overlap: 0s } }
  items: { url: ${api.url}/items, entity: item, retries: 0, incremental: { parameter: since, overlap: 0s } }
${more}
`;
  const run = async (config = file) => {
    api.asked.length = 0;
    const { code, summary, stderr } = await runOnce(stage, ['--output', output, '--config', config], {});
    return { code, summary, stderr, asked: api.asked.toSorted() };
  };
  const keys = async (dataset = 'orders') => (await readRows(output, dataset)).map(({ key }) => key).toSorted();
  const partsOf = (dataset: string) => readdirSync(join(output, dataset)).map((name) => join(output, dataset, name));

  beforeEach(async () => {
    api = await startRecordsApi(stage, { orders: [order(1), order(2), order(3)], items: [order(7)] });
    const name = uniqueName('out');
    output = stage.path(name);
    file = stage.write(`${name}.yaml`, pipeline());
    const { code, asked } = await run();
    expect({ code, asked }).toEqual({ code: 0, asked: ['/items', '/orders'] });
  });

  test('and asks for changes alone, again and again', async () => {
    const since = [`/items?since=${at(7)}`, `/orders?since=${at(3)}`].map(encode);
    expect((await run()).asked).toEqual(since);
    api.records.orders = [order(1), order(2, 50), order(3), order(4)];
    const { summary, asked } = await run();
    expect(asked).toEqual(since);
    expect(summary).toMatchObject({ polled: 4, accepted: 2, duplicate: 2 });
    expect(await keys()).toEqual(['1', '2', '2', '3', '4']);
    expect((await run()).asked).toContain(encode(`/orders?since=${at(50)}`));
  });

  test.each<[string, () => void]>([
    ['the output was emptied', () => rmSync(output, { recursive: true })],
    ['the rows of one dataset were deleted', () => rmSync(join(output, 'orders'), { recursive: true })],
    ['one part was deleted', () => rmSync(partsOf('orders')[0] ?? '')],
    [
      'a row was deleted',
      () => {
        const [part = ''] = partsOf('orders');
        const lines = readFileSync(part, 'utf8').split('\r\n');
        writeFileSync(part, lines.toSpliced(2, 1).join('\r\n'));
      },
    ],
    ['the folder of its own was deleted', () => rmSync(join(output, '.tributary'), { recursive: true })],
    [
      'the marks were torn',
      () => {
        const folder = join(output, '.tributary', 'marks');
        const [name = ''] = readdirSync(folder);
        const text = readFileSync(join(folder, name), 'utf8');
        writeFileSync(join(folder, name), text.slice(0, text.length / 2));
      },
    ],
  ])('and asks for everything again after %s', async (_what, change) => {
    change();
    const { code, asked } = await run();
    expect({ code, asked }).toEqual({ code: 0, asked: ['/items', '/orders'] });
    expect([...new Set(await keys())]).toEqual(['1', '2', '3']);
    expect(await keys('items')).toEqual(['7']);
  });

  test('and asks for everything again for an endpoint whose settings changed, or of another pipeline', async () => {
    const text = readFileSync(file, 'utf8');
    const renamed = stage.write(uniqueName('p'), text.replace(/^name: .*$/m, `name: ${uniqueName('other')}`));
    expect((await run(renamed)).asked).toEqual(['/items', '/orders']);
    const changed = stage.write(uniqueName('p'), text.replace('total: integer,', 'total: number,'));
    expect((await run(changed)).asked).toEqual([encode(`/items?since=${at(7)}`), '/orders']);
    expect((await run(changed)).asked).toEqual([`/items?since=${at(7)}`, `/orders?since=${at(3)}`].map(encode));
  });

  test('but not what an endpoint brought whose poll failed', async () => {
    api.fails.add('orders');
    api.records.items = [order(7), order(8)];
    const failed = await run();
    expect(failed.code).toBe(1);
    api.fails.clear();
    expect((await run()).asked).toEqual([`/items?since=${at(8)}`, `/orders?since=${at(3)}`].map(encode));
  });

  test('but not beyond a record that died, which has no place to wait', async () => {
    api.records.orders = [order(4, 40, { total: 'much' }), order(5, 50)];
    api.records.items = [order(8)];
    const { code, summary, stderr } = await run();
    expect(code).toBe(0);
    expect(summary).toMatchObject({ accepted: 2, deadLettered: 1, withheld: ['orders'] });
    expect(summary.died).toEqual([
      expect.objectContaining({ endpoint: 'orders', field: 'total', code: 'field_invalid', keys: ['4'], count: 1 }),
    ]);
    expect(summary.died?.[0]?.reason).toContain('"much": expected a whole number');
    expect(stderr.match(/sent to the dead letters/g)).toHaveLength(1);

    // It is asked for until it is right, and is not lost.
    api.records.orders = [order(4, 40), order(5, 50)];
    expect((await run()).asked).toEqual([`/items?since=${at(8)}`, `/orders?since=${at(3)}`].map(encode));
    expect(await keys()).toEqual(['1', '2', '3', '4', '5']);
    expect((await run()).asked).toContain(encode(`/orders?since=${at(50)}`));
  });

  test('and exits 3 when all records of an endpoint die, saying why in one line', async () => {
    const wrong = Array.from({ length: 300 }, (_, index) => order(100 + index, 60, { total: `${index} euros` }));
    api.records.orders = wrong;
    api.records.items = [order(8)];
    const { code, summary, stderr } = await run();
    expect(code).toBe(3);
    expect(summary.endpoints).toEqual([
      { endpoint: 'orders', records: 300, allDied: true },
      { endpoint: 'items', records: 1 },
    ]);
    expect(summary.died).toMatchObject([{ endpoint: 'orders', count: 300, field: 'total' }]);
    expect(stderr.match(/sent to the dead letters/g)).toHaveLength(1);

    const inWords = await stage.run('tributary', { args: ['--once', '--output', output, '--config', file] });
    expect(inWords.code).toBe(3);
    expect(inWords.stdout).toMatch(
      /^DIED 300 records of orders, field total \(field_invalid\), such as 100, 101, 102: .*"0 euros": expected a whole number/m,
    );
    expect(inWords.stdout).toMatch(/^ALL DIED of orders: /m);
    expect(inWords.stdout).toContain('But not of orders, whose dead records have no place to wait');
  });

  test('and not where it was stopped before all was written', async () => {
    const before = marks();
    api.records.orders = Array.from({ length: 50 }, (_, index) => order(10 + index, 100));
    api.delay = 3_000;
    const program = stage.start('tributary', { args: ['--once', '--output', output, '--config', file] });
    await program.orEnd(api.untilAsked());
    program.signal('SIGTERM');
    await program.ended;
    api.delay = 0;
    expect(marks()).toEqual(before);
    expect((await run()).summary).toMatchObject({ accepted: 50 });
  });

  function marks(): string[] {
    const folder = join(output, '.tributary', 'marks');
    return existsSync(folder) ? readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8')) : [];
  }
});

const encode = (path: string): string => path.replaceAll(':', '%3A');
