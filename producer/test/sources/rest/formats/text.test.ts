import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { charsetOf, decodeText } from '../../../../src/sources/rest/formats/text.js';

const bytes = (...values: (number | string)[]) =>
  Buffer.concat(values.map((value) => (typeof value === 'string' ? Buffer.from(value) : Buffer.from([value]))));

describe('the text of a body', () => {
  it('is UTF-8 where nothing else is declared', () => {
    expect(decodeText(bytes('Café 李雷 🦀'), undefined)).toEqual({ text: 'Café 李雷 🦀' });
  });

  it('is read in the charset that the API declares', () => {
    expect(decodeText(bytes('Caf', 0xe9), 'iso-8859-1')).toEqual({ text: 'Café' });
    expect(decodeText(bytes(0x93, 0xfa, 0x96, 0x7b), 'shift_jis')).toEqual({ text: '日本' });
    expect(decodeText(Buffer.from('é', 'utf16le'), 'utf-16le')).toEqual({ text: 'é' });
  });

  it('never holds a replacement character in silence: what is no UTF-8 is read as windows-1252, and told', () => {
    for (const declared of [undefined, 'utf-8', 'UTF8']) {
      const { text, doubt } = decodeText(bytes('Caf', 0xe9, ' ', 0x80), declared);
      expect(text).toBe('Café €');
      expect(doubt).toMatch(/no UTF-8; it is read as windows-1252/);
    }
  });

  it('is UTF-8 where a declaration of one byte a character lies, and that is told', () => {
    const { text, doubt } = decodeText(bytes('Café'), 'iso-8859-1');
    expect(text).toBe('Café');
    expect(doubt).toMatch(/windows-1252, but the body is UTF-8/);
    expect(decodeText(bytes('Cafe'), 'iso-8859-1')).toEqual({ text: 'Cafe' });
  });

  it('follows a byte order mark, whatever is declared', () => {
    expect(decodeText(bytes(0xef, 0xbb, 0xbf, 'é'), 'iso-8859-1')).toEqual({ text: 'é' });
    expect(decodeText(Buffer.from('\ufeffé', 'utf16le'), undefined)).toEqual({ text: 'é' });
  });

  const JSON_TEXT = '[{"id":"1","name":"Café – 漢字, 李雷"}]';
  const utf16 = (text: string) => Buffer.from(text, 'utf16le');

  it.each([
    ['utf-16', utf16('[{"id":"1"}]').swap16(), '[{"id":"1"}]'],
    ['utf-16le', utf16('[{"id":"1"}]'), '[{"id":"1"}]'],
    [undefined, utf16(JSON_TEXT), JSON_TEXT],
    ['utf-8', utf16(JSON_TEXT).swap16(), JSON_TEXT],
  ])('is UTF-16 where only that has such zeros, though %s is declared', (declared, body, text) => {
    const read = decodeText(body, declared);
    expect(read.text).toBe(text);
    expect(read.doubt !== undefined).toBe(declared === undefined || declared === 'utf-8');
  });

  it.each(['gb18030', 'GB2312', 'Shift_JIS', 'big5', 'euc-kr', 'utf-16'])(
    'is UTF-8 where a declaration of %s lies, and that is told',
    (declared) => {
      const { text, doubt } = decodeText(Buffer.from(JSON_TEXT), declared);
      expect(text).toBe(JSON_TEXT);
      expect(doubt).toMatch(/but the body is UTF-8 and read as such/);
    },
  );

  it('is what is declared where that is possible, whatever else it may be', () => {
    expect(decodeText(bytes(0xba, 0xba, 0xd7, 0xd6), 'gbk')).toEqual({ text: '汉字' });
    expect(decodeText(bytes(0xc4, 0xa3), 'gbk')).toEqual({ text: '模' });
    expect(decodeText(bytes(0x1b, '$BF|K\\', 0x1b, '(B'), 'iso-2022-jp')).toEqual({ text: '日本' });
  });

  it('is what an XML document itself declares, unless the header does', () => {
    const xml = (encoding: string) => `<?xml version="1.0" encoding="${encoding}"?><r>`;
    expect(decodeText(bytes(xml('ISO-8859-15'), 0xa4), undefined).text).toBe(`${xml('ISO-8859-15')}€`);
    expect(decodeText(bytes(xml('GB2312'), 0xba, 0xba), undefined).text).toBe(`${xml('GB2312')}汉`);
    expect(decodeText(bytes(xml('GB2312'), 0xa4), 'iso-8859-15').text).toBe(`${xml('GB2312')}€`);
  });

  it('is refused when it ends in the middle of a character, since the rest of it is missing too', () => {
    const whole = bytes('[{"name":"Zoë 🦀');
    for (const cut of [1, 2, 3]) {
      expect(() => decodeText(whole.subarray(0, whole.length - cut), undefined)).toThrow(/middle of a character/);
    }
  });

  it('is refused when the charset is unknown and the bytes are no UTF-8', () => {
    expect(() => decodeText(bytes(0xe9), 'klingon')).toThrow(/"klingon", which is unknown/);
    expect(decodeText(bytes('é'), 'klingon')).toMatchObject({ text: 'é' });
  });

  it('comes back as it was, for any text in UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        fc.pre(!text.startsWith('\ufeff'));
        expect(decodeText(Buffer.from(text), undefined).text).toBe(text);
      }),
    );
  });

  it('finds the charset in the Content-Type header', () => {
    expect(charsetOf('application/json; charset="ISO-8859-1"')).toBe('ISO-8859-1');
    expect(charsetOf('text/csv;header=present;charset=utf-8')).toBe('utf-8');
    expect(charsetOf('application/json')).toBeUndefined();
    expect(charsetOf(undefined)).toBeUndefined();
  });
});
