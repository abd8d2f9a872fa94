import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readHierarchy } from '../../src/privacy/hierarchy.js';

const folder = mkdtempSync(join(tmpdir(), 'hierarchy-'));
afterAll(() => rmSync(folder, { recursive: true }));

function written(content: string | Buffer): string {
  const path = join(folder, 'cities.csv');
  writeFileSync(path, content);
  return path;
}

describe('a hierarchy', () => {
  it.each([
    ['with semicolons', 'Ulm;South;Germany\nKiel;North;Germany\nWien;East;Austria\n'],
    [
      'with commas, a byte order mark, CR LF and no last line end',
      '\uFEFFUlm,South,Germany\r\nKiel,North,Germany\r\nWien,East,Austria',
    ],
    ['with quotes', '"Ulm";"South";Germany\n"Kiel";North;"Germany"\nWien;East;Austria\n'],
  ])('%s says what each value becomes at each level', (_, content) => {
    const hierarchy = readHierarchy(written(content));
    expect(hierarchy.levels).toBe(2);
    expect([...hierarchy.at(1)]).toEqual([
      ['Ulm', 'South'],
      ['Kiel', 'North'],
      ['Wien', 'East'],
    ]);
    expect(hierarchy.at(2).get('Kiel')).toBe('Germany');
    expect(hierarchy.at(2).get('Bonn')).toBeUndefined();
  });

  it('keeps a separator and quotes within quotes', () => {
    expect([...readHierarchy(written('"a;b";"say ""x"""\nc;d\n')).at(1)]).toEqual([
      ['a;b', 'say "x"'],
      ['c', 'd'],
    ]);
  });

  it('has another fingerprint when anything of it changes', () => {
    const one = readHierarchy(written('a;b\n')).fingerprint;
    expect(readHierarchy(written('a;b\n')).fingerprint).toBe(one);
    expect(readHierarchy(written('a;c\n')).fingerprint).not.toBe(one);
  });

  it.each([
    ['', 'its first line is empty'],
    ['Secretville\n', 'its first line has one cell: expected value;level 1;level 2 and so on'],
    ['Secretville;b\nc;\n', 'cell 2 of line 2 is empty'],
    ['Secretville;b\n;c\n', 'cell 1 of line 2 is empty'],
    ['Secretville;b\n\nc;d\n', 'line 2 has 1 cells, and the first one 2'],
    ['Secretville;b;c\nd;e\n', 'line 2 has 2 cells, and the first one 3'],
    ['Secretville;b\nc;d;e\n', 'line 2 has 3 cells, and the first one 2'],
    ['Secretville; b\n', 'cell 2 of line 1 has white space around it'],
    ['Secretville;b\nc;d\nSecretville;d\n', 'the value of line 3 is there before'],
    ['Secretville;b;c\nd;b;e\n', 'lines 1 and 2 are alike at level 1 and not at level 2'],
    ['Secretville;b;c;x\nd;e;c;y\n', 'lines 1 and 2 are alike at level 2 and not at level 3'],
    [`Secretville;${'b'.repeat(201)}\n`, 'cell 2 of line 1 has 201 characters: expected 200 at most'],
    [Buffer.from([0x61, 0x3b, 0xff, 0x0a]), 'it is not UTF-8'],
  ])('that says %j is refused, and what stands there is not told', (content, why) => {
    const path = written(content);
    expect(() => readHierarchy(path)).toThrow(`the hierarchy ${path} cannot be used: ${why}`);
    expect(() => readHierarchy(path)).not.toThrow(/Secretville/);
  });

  it('that is not there, or is a folder, is refused', () => {
    expect(() => readHierarchy(join(folder, 'none.csv'))).toThrow('there is no such file');
    expect(() => readHierarchy(folder)).toThrow('cannot be read: EISDIR');
  });
});
