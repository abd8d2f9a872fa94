import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Revealed, readProtectionKeys } from '@tributary/producer';
import { decodeCell, type Field, splitCells } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encrypt } from '../../../producer/src/shape/protect/encrypted.js';
import { type FormName, revealed } from '../../src/cli/reveal/forms.js';
import { cli } from './support.js';

const PRIVACY_ENCRYPTION_KEYS = `one:${'a key of the tests that is long'.repeat(2)}`;
const [key] = readProtectionKeys({ PRIVACY_ENCRYPTION_KEYS }).encryption;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-reveal-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const reveal = (value: string, keys = PRIVACY_ENCRYPTION_KEYS) =>
  cli(['reveal', value, '--reason', 'a test'], {
    env: { PRIVACY_ENCRYPTION_KEYS: keys, AUDIT_LOG: join(folder, 'actions.jsonl') },
  });

describe('reveal', () => {
  it('shows a value, and writes who asked, why and for how many, but not the value', async () => {
    if (key === undefined) throw new Error('no key');
    const { code, stdout, stderr } = await reveal(`phone ${encrypt('0170 1234567', key)}!`);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: 'phone 0170 1234567!\n',
      stderr: '1 value decrypted\n',
    });
    const log = readFileSync(join(folder, 'actions.jsonl'), 'utf8');
    expect(log).toContain('"reason":"a test"');
    expect(log).toContain('"done":1');
    expect(log).not.toContain('1234567');
  });

  it.each([
    ['without the key', '', 'PRIVACY_ENCRYPTION_KEYS is not set'],
    [
      'with another key of the name',
      `one:${'another key of the tests that is long'}`,
      'values of the keys one stay as they are',
    ],
  ])('fails %s', async (_, keys, why) => {
    if (key === undefined) throw new Error('no key');
    const { code, stdout, stderr } = await reveal(encrypt('0170 1234567', key), keys);
    expect(code).toBe(1);
    expect(stderr).toContain(why);
    expect(stdout).not.toContain('1234567');
  });

  it('wants to know what stdin holds', async () => {
    const env = { PRIVACY_ENCRYPTION_KEYS, AUDIT_LOG: join(folder, 'actions.jsonl') };
    expect(await cli(['reveal', '--reason', 'a test'], { env })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--as csv, --as json or --as text'),
    });
  });

  describe.each([
    ['a formula', '=HYPERLINK("http://x","y")'],
    ['quotes, a comma and a line end', 'Anna "A", B\nC'],
    ['a formula behind a separator', 'a;=1+1'],
    ['an escape', '\u001b[31m\\'],
    ['a phone number', '+49 170 1234567'],
  ])('%s', (_what, value) => {
    const keys = readProtectionKeys({ PRIVACY_ENCRYPTION_KEYS });
    const shown = async (as: FormName, text: string) => {
      const found: Revealed[] = [];
      for await (const one of revealed(text.split('\n'), as, keys)) found.push(one);
      return found;
    };
    const closed = () => {
      if (key === undefined) throw new Error('no key');
      return encrypt(value, key);
    };
    const TEXT: Field = { type: 'string', optional: true, maxLength: Number.MAX_SAFE_INTEGER };

    it('stands in CSV as one cell that no spreadsheet calculates, and that is read as it was', async () => {
      const [head, row] = await shown('csv', `id,phone,note\n1,${closed()},"a ""b"", c"`);
      expect(head?.text).toBe('id,phone,note');
      expect(row?.count).toBe(1);
      const [, cell = '', note] = splitCells(row?.text ?? '');
      expect(note).toBe('a "b", c');
      expect(cell).not.toMatch(/^[=@\t\r]/);
      expect(decodeCell(cell, TEXT, true)).toBe(value);
    });

    it('stands in a list in CSV as JSON', async () => {
      const list = JSON.stringify([{ phone: closed() }]);
      const [row] = await shown('csv', `1,"${list.replaceAll('"', '""')}"`);
      expect(JSON.parse(splitCells(row?.text ?? '')[1] ?? '')).toEqual([{ phone: value }]);
    });

    it('stands in JSON as JSON', async () => {
      const [row] = await shown('json', JSON.stringify({ id: 1, phone: closed(), more: [`a ${closed()} b`] }));
      expect(row?.count).toBe(2);
      expect(JSON.parse(row?.text ?? '')).toEqual({ id: 1, phone: value, more: [`a ${value} b`] });
    });

    it('stands in text as it is', async () => {
      expect((await shown('text', `> ${closed()} <`)).map(({ text }) => text).join('\n')).toBe(`> ${value} <`);
    });
  });

  it('takes a record of CSV over several lines, and refuses a quote that nothing closes', async () => {
    const keys = readProtectionKeys({ PRIVACY_ENCRYPTION_KEYS });
    const texts = async (lines: string[]) => {
      const found: string[] = [];
      for await (const { text } of revealed(lines, 'csv', keys)) found.push(text);
      return found;
    };
    expect(await texts(['1,"a', 'b"', '2,c'])).toEqual(['1,"a\nb"', '2,c']);
    await expect(texts(['1,"a', 'b', '2,c'])).rejects.toThrow('a quote is never closed');
  });

  it('fails for a text that holds no whole value', async () => {
    expect(await reveal('enc:one:8Rkabc')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no whole value'),
    });
  });
});
