import { describe, expect, it } from 'vitest';
import { jsonLine, jsonLines } from '../../src/backup/lines.js';

async function read(text: string, size: number): Promise<unknown[]> {
  const bytes = Buffer.from(text);
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const found: unknown[] = [];
  for await (const value of jsonLines(chunks())) found.push(value);
  return found;
}

describe('lines of JSON', () => {
  const values = ['line\nbreak', 'line\r\nbreak', '\u2028', '\u2029', '\u0085', 'Zoë \u{1f600}', '', 'x'.repeat(50)];

  it.each([1, 2, 3, 7, 1_000])('come back as they were written, %d bytes at a time', async (size) => {
    const written = values.map((value) => ({ value }));
    expect(await read(written.map(jsonLine).join(''), size)).toEqual(written);
  });

  it('may lack the end of the last one, and be empty', async () => {
    expect(await read('{"a":1}\n\n{"b":2}', 4)).toEqual([{ a: 1 }, { b: 2 }]);
    expect(await read('', 1)).toEqual([]);
  });
});
