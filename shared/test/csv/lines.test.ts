import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wholeLines, wholeLinesEnd } from '@tributary/shared';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect } from './collect.js';

describe('whole lines', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'dashboard-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  async function readLines(content: Buffer) {
    const path = join(directory, 'part');
    await writeFile(path, content);
    const file = await open(path);
    const lines = (await collect(wholeLines(file, 0, content.length))).flat();
    await file.close();
    return { lines, end: await wholeLinesEnd(path) };
  }

  it('tell where each begins, in bytes', async () => {
    const { lines } = await readLines(Buffer.from('é,1\r\n"x\r\ny",2\r\n🦊\ntorn "'));
    expect(lines).toEqual([
      { offset: 0, length: 6, text: 'é,1' },
      { offset: 6, length: 10, text: '"x\r\ny",2' },
      { offset: 16, length: 5, text: '🦊' },
    ]);
  });

  it('end where shared says that the whole lines of a part end', async () => {
    const unit = fc.constantFrom('a', '"', ',', '\r\n', '\n', 'é');
    await fc.assert(
      fc.asyncProperty(fc.string({ unit }), async (text) => {
        const { lines, end } = await readLines(Buffer.from(text));
        const last = lines.at(-1);
        expect(last === undefined ? 0 : last.offset + last.length).toBe(end);
      }),
    );
  });

  it('are put together from as many chunks as they lie in', async () => {
    const long = `"${'x'.repeat(2_500_000)}\n"`;
    const { lines } = await readLines(Buffer.from(`a\n${long}\nb\n`));
    expect(lines.map((line) => line.text.length)).toEqual([1, long.length, 1]);
  });
});
