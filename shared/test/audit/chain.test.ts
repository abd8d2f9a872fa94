import { appendFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { headFileOf } from '../../src/audit/beside.js';
import { keyOf } from '../../src/audit/chain.js';
import { isWhole, verifyAuditLog } from '../../src/audit/verify.js';
import { type AuditActor, AuditWriter } from '../../src/audit/writer.js';
import { systemClock } from '../../src/service/clock.js';

const anna: AuditActor = { name: 'anna', role: 'operator', from: '127.0.0.1' };

let folder: string;
let path: string;
const opened: AuditWriter[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chain-'));
  path = join(folder, 'audit.jsonl');
});
afterEach(async () => {
  for (const writer of opened.splice(0)) await writer.close();
  await rm(folder, { recursive: true });
});

function writer(): AuditWriter {
  const one = new AuditWriter(path, systemClock);
  opened.push(one);
  return one;
}

/** One line after the other, by two writers in turn, each of which begins anew in the middle. */
async function twelveLines(): Promise<string[]> {
  for (let round = 0; round < 2; round++) {
    const [first, second] = [writer(), writer()];
    for (let line = 0; line < 3; line++) {
      await first.begin(anna, 'replay', { line });
      await second.begin(anna, 'discard', { line, body: 'x'.repeat(line * 200_000) });
    }
  }
  return await lines();
}

const lines = async () => (await readFile(path, 'utf8')).split(/(?<=\n)/);
const write = (all: readonly string[]) => writeFile(path, all.join(''));
const without = (all: readonly string[], index: number) => [...all.slice(0, index), ...all.slice(index + 1)];

describe('a log that nobody has touched', () => {
  it('is whole, whoever wrote in turn and began anew', async () => {
    expect(await twelveLines()).toHaveLength(12);
    expect(await verifyAuditLog(path)).toMatchObject({
      lines: 12,
      older: 0,
      without: 0,
      faults: [],
      end: 'fits',
      torn: 0,
    });
  });

  it('is whole where four write at the same time, a hundred lines at once', async () => {
    const writers = [writer(), writer(), writer(), writer()];
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        writers.flatMap((one) => Array.from({ length: 25 }, (_, line) => one.begin(anna, 'replay', { line }))),
      );
    }
    const found = await verifyAuditLog(path);
    expect(found).toMatchObject({ lines: 500, faults: [], end: 'fits' });
    // One that begins without the note of the end reads all, and comes to the same.
    await rm(headFileOf(path));
    await writer().begin(anna, 'replay', {});
    expect(await verifyAuditLog(path)).toMatchObject({ lines: 501, faults: [], end: 'fits' });
  });

  it('is whole behind a line that a crash tore', async () => {
    const first = writer();
    await first.begin(anna, 'replay', {});
    await first.close();
    await appendFile(path, '{"link":"1:');
    expect(await verifyAuditLog(path)).toMatchObject({ torn: 11, faults: [], end: 'fits' });
    const next = writer();
    await next.begin(anna, 'discard', {});
    await next.begin(anna, 'discard', {});
    expect(await verifyAuditLog(path)).toMatchObject({ lines: 4, without: 1, torn: 0, faults: [], end: 'fits' });
  });

  it('takes lines where the note of its end cannot be put, and leaves no other file behind', async () => {
    await mkdir(headFileOf(path));
    await writer().begin(anna, 'replay', {});
    expect(await readdir(folder)).toEqual(['audit.jsonl', 'audit.jsonl.head']);
    expect(await verifyAuditLog(path)).toMatchObject({ lines: 1, faults: [], end: 'none' });
  });

  it('that began without a chain goes on with one, which holds the old lines too', async () => {
    const old = Array.from(
      { length: 5 },
      (_, line) => `{"at":"2026-01-05T10:00:00.000Z","who":"ben","line":${line}}\n`,
    );
    await write(old);
    expect(await verifyAuditLog(path)).toMatchObject({ lines: 5, older: 5, faults: [], end: 'none' });
    await writer().begin(anna, 'replay', {});
    await writer().begin(anna, 'replay', {});
    expect(await verifyAuditLog(path)).toMatchObject({ lines: 7, older: 5, faults: [], end: 'fits' });
    const now = await lines();
    await write([...now.slice(0, 2), '{"who":"nobody"}\n', ...now.slice(3)]);
    expect((await verifyAuditLog(path)).faults).toEqual([{ from: 1, to: 5, missing: 0 }]);
  });
});

describe('a log that somebody has changed', () => {
  let all: string[];
  beforeEach(async () => {
    all = await twelveLines();
  });
  const places = Array.from({ length: 12 }, (_, index) => index);

  it.each(places)('is found, at the place, if one character of line %i + 1 is another one', async (index) => {
    const changed = (all[index] ?? '').replace('"anna"', '"anne"');
    await write([...all.slice(0, index), changed, ...all.slice(index + 1)]);
    const found = await verifyAuditLog(path);
    expect(isWhole(found)).toBe(false);
    if (index === 11) expect(found).toMatchObject({ faults: [], end: 'other' });
    else expect(found).toMatchObject({ faults: [{ from: index + 1, to: index + 1, missing: 0 }], end: 'fits' });
  });

  it.each(places)('is found, with how much is missing, if line %i + 1 is taken away', async (index) => {
    await write(without(all, index));
    const found = await verifyAuditLog(path);
    if (index === 11) expect(found).toMatchObject({ faults: [], end: 'cut', cut: 1 });
    else expect(found).toMatchObject({ faults: [{ to: index, missing: 1 }], end: 'fits' });
  });

  it.each(places.slice(0, 11))('is found if line %i + 1 has changed its place with another one', async (index) => {
    for (const other of places.slice(index + 1)) {
      const moved = [...all];
      [moved[index], moved[other]] = [moved[other] ?? '', moved[index] ?? ''];
      await write(moved);
      expect(isWhole(await verifyAuditLog(path)), `with ${other}`).toBe(false);
    }
  });

  it.each(places)(
    'is found if a line is put in before line %i + 1: one of its own, one more, or none of ours',
    async (index) => {
      for (const line of [all[index] ?? '', all[3] ?? '', '{"at":"2026-01-05T10:00:00.000Z","who":"ben"}\n']) {
        // A last line twice is a line that was written behind it.
        if (index === 11 && line === all[11]) continue;
        await write([...all.slice(0, index), line, ...all.slice(index)]);
        expect(isWhole(await verifyAuditLog(path)), line.slice(0, 90)).toBe(false);
      }
    },
  );

  it('is found if lines are cut off at the end, and for ever, though somebody goes on to write', async () => {
    await write(all.slice(0, 9));
    expect(await verifyAuditLog(path)).toMatchObject({ faults: [], end: 'cut', cut: 3 });
    await writer().begin(anna, 'replay', {});
    await writer().begin(anna, 'replay', {});
    expect(await verifyAuditLog(path)).toMatchObject({ faults: [{ to: 9, missing: 3 }], end: 'fits' });
  });

  it('is found if the last line is another one, and for ever, though somebody goes on to write', async () => {
    await write([...all.slice(0, 11), (all[11] ?? '').replace('"anna"', '"anne"')]);
    await writer().begin(anna, 'replay', {});
    expect(await verifyAuditLog(path)).toMatchObject({ faults: [{ to: 12, missing: 0 }], end: 'fits' });
  });

  it('is found if it is cut off while somebody writes', async () => {
    const one = writer();
    await one.begin(anna, 'replay', {});
    await write(all.slice(0, 5));
    await one.begin(anna, 'replay', {});
    expect(await verifyAuditLog(path)).toMatchObject({ faults: [{ to: 5, missing: 8 }] });
  });

  it('is found if all of it is gone', async () => {
    await rename(path, `${path}.old`);
    await writer().begin(anna, 'replay', {});
    expect(await verifyAuditLog(path)).toMatchObject({ faults: [{ from: 1, to: 0, missing: 12 }] });
  });

  it('tells each of several faults', async () => {
    const changed = [...all];
    changed[2] = (all[2] ?? '').replace('"anna"', '"anne"');
    await write(without(changed, 7));
    expect((await verifyAuditLog(path)).faults).toMatchObject([
      { from: 3, to: 3, missing: 0 },
      { to: 7, missing: 1 },
    ]);
  });

  it('is not found where the end is cut with the note of it, but by a place that was noted elsewhere', async () => {
    const { place } = await verifyAuditLog(path);
    await write(all.slice(0, 9));
    await rm(headFileOf(path));
    expect(await verifyAuditLog(path)).toMatchObject({ faults: [], end: 'none' });
    const found = await verifyAuditLog(path, place);
    expect(found.hasExpected).toBe(false);
    expect(isWhole(found)).toBe(false);
    await write(all);
    await writer().begin(anna, 'replay', {});
    expect(await verifyAuditLog(path, place)).toMatchObject({ hasExpected: true, faults: [] });
    expect(keyOf(place)).toMatch(/^12:[0-9a-f]{64}$/);
  });
});
