import { describe, expect, test } from 'vitest';
import { idsIn, stageOf } from './stage.js';

async function contentOf(name: string, content: string | Buffer, settings: object = {}) {
  const { write, poll, doubts } = await stageOf(settings);
  await write(name, content);
  const { records, bad, inputs } = await poll();
  return { records, bad, inputs, doubts };
}

/** Files that cost little to make. Read with each character looked at as often as before, most take minutes and more. */
describe('what would hold up the producer for long is read at once:', () => {
  const good = '\n{"id":"1"}\n';
  test.each([
    ['a bracket in each line', '[\n'.repeat(60_000)],
    ['objects that never close', '{"a":\n'.repeat(40_000)],
    ['a text in each line that never closes', '["\n'.repeat(40_001)],
    ['texts with quotes that are escaped', '{"\\"\n'.repeat(40_000)],
    ['texts that end far behind', `${'["\\"\n'.repeat(40_000)}"${',"x"'.repeat(40_000)}`],
    ['brackets that close far behind, beyond what a record may be', `${'[\n'.repeat(60_000)}${']'.repeat(60_000)}`],
  ])('JSON with %s', { timeout: 20_000 }, async (_, text) => {
    const { records, bad } = await contentOf('a.json', `{"id":"0"}\n${text}${good}`, { maxRecordSize: '128KB' });
    expect(idsIn(records)[0]).toBe('0');
    expect(bad.length).toBeGreaterThan(0);
  });

  test.each([
    ['a quote and half a million cells', `"x"${','.repeat(500_000)}\n`.repeat(3)],
    ['a quote in each line and no delimiter', 'b"\n'.repeat(300_000)],
    ['quotes in the last of many cells', `${'a'.repeat(20)},"x",${','.repeat(400_000)}"\n`.repeat(2)],
  ])('CSV with %s', { timeout: 20_000 }, async (_, text) => {
    const { records, bad } = await contentOf('a.csv', `id,name\n1,x\n${text}2,y\n`);
    expect(idsIn(records)).toEqual(expect.arrayContaining(['1', '2']));
    expect(bad.length).toBeGreaterThan(0);
  });
});

test('a value that does not close costs none behind it, whatever lies between', async () => {
  const lines = [
    '{"id":"1"}',
    '{"id":"torn","list":[{"a":1}',
    '{"id":"2","text":"a \\"quote\\" and a [bracket"}',
    '[{"id":"torn too"',
    '{"id":"3","deep":[[{"x":["]"]}]]}',
    '{"id":"torn","text":"\\"',
    '{"id":"4"}',
    '{"id":"5","text":"{"}',
  ];
  const { records, bad } = await contentOf('a.json', lines.join('\n'));
  expect(idsIn(records)).toEqual(['1', '2', '3', '4', '5']);
  expect(bad).toHaveLength(3);
});

/** A frame with a window of 2^log bytes, and blocks that each give a byte so often. */
function zstdOf(log: number, blocks: number, times: number, byte = 0x0a): Buffer {
  const one = (isLast: boolean) => {
    const header = Buffer.alloc(4);
    header.writeUInt32LE(((times << 3) | 2 | (isLast ? 1 : 0)) >>> 0);
    header[3] = byte;
    return header;
  };
  const all = Array.from({ length: blocks }, (_, index) => one(index === blocks - 1));
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3]), ...all]);
}

/** A frame that holds nothing, and one that is skipped. */
const EMPTY = zstdOf(17, 1, 0);
const SKIPPED = Buffer.from('502a4d1804000000deadbeef', 'hex');

/** By the zstd program: `id,name`, and 50,000 lines of `7,seven` each, with a checksum and without. */
const HEADER = Buffer.from('28b52ffd005841000069642c6e616d650a', 'hex');
const SEVENS = {
  checked: Buffer.from(
    '28b52ffd046884000040372c736576656e0a0100f5fff3cb05440000000100fdffcb0b10440000000100fdff3900023d00000001007dda032050c7e1d2',
    'hex',
  ),
  fast: Buffer.from(
    '28b52ffd004884000040372c736576656e0a0100f5ffcb0b174c000008370100fcff3910024c000008370100fcff391002450000083701007cda0321',
    'hex',
  ),
};

describe('zstd', () => {
  test('of 40 KB that unpacks to 1.3 GB takes no more memory than a piece of it', { timeout: 60_000 }, async () => {
    const before = process.memoryUsage().rss;
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss - before);
    }, 5);
    const bytes = [HEADER, zstdOf(17, 10_000, 128 * 1024, 0x61), SEVENS.fast];
    const { records, bad } = await contentOf('a.csv.zst', Buffer.concat(bytes));
    clearInterval(watch);
    expect(bad).toEqual([expect.stringMatching(/line 2: it is longer than 1 MB/)]);
    expect(records).toHaveLength(49_999);
    expect(most).toBeLessThan(400 * 1024 * 1024);
  });

  test.each([
    ['in a second frame', Buffer.concat([zstdOf(17, 1, 3, 0x61), zstdOf(30, 1, 3)])],
    ['behind what is skipped', Buffer.concat([EMPTY, SKIPPED, zstdOf(30, 1, 3)])],
    ['behind many frames of nothing', Buffer.concat([...Array.from({ length: 5_000 }, () => EMPTY), zstdOf(30, 1, 3)])],
  ])('that asks for a window of 1 GB %s is refused before the memory is taken', async (_, bytes) => {
    const { inputs, bad } = await contentOf('a.csv.zst', bytes);
    expect(JSON.stringify([inputs, bad])).toMatch(/zstd data .*are damaged/);
  });

  test('with blocks of more than 128 KB is refused', async () => {
    const { inputs, bad } = await contentOf('a.csv.zst', zstdOf(22, 8, 2_000_000));
    expect(JSON.stringify([inputs, bad])).toMatch(/are damaged/);
  });

  test('whose blocks hold next to nothing, with a window that is moved for each, is refused, and others have their turn', {
    timeout: 60_000,
  }, async () => {
    let turns = 0;
    const watch = setInterval(() => {
      turns += 1;
    }, 10);
    const { inputs, bad } = await contentOf('a.csv.zst', zstdOf(27, 200_000, 1, 0x61));
    clearInterval(watch);
    expect(JSON.stringify([inputs, bad])).toMatch(/are damaged/);
    // Hundreds, of a machine that has time; none or one if it held others up.
    expect(turns).toBeGreaterThan(4);
  });

  test('of several frames, small and large, with what is skipped between them, is read as a whole', async () => {
    const bytes = [HEADER, SKIPPED, EMPTY, SEVENS.checked, SEVENS.fast, zstdOf(20, 3, 3, 0x0a), SEVENS.fast];
    const { records, bad } = await contentOf('a.csv.zst', Buffer.concat(bytes));
    expect(bad).toEqual([]);
    expect(records).toHaveLength(150_000);
    expect(records.at(-1)).toEqual({ id: '7', name: 'seven' });
  });
});
