import { describe, expect, it } from 'vitest';
import {
  bodiesOf,
  canBePacked,
  isPack,
  MOST_PACKED,
  PACK_CONTENT_TYPE,
  PACK_FORMAT,
  packBodies,
  packedId,
  placesOf,
} from '../../src/records/pack.js';

const countIn = (pack: Uint8Array) => placesOf(pack).length / 2;
const bodies = (...texts: string[]) => texts.map((text) => Buffer.from(text));
const texts = (pack: Buffer) => {
  const found = [...bodiesOf(pack)].map(String);
  expect(countIn(pack)).toBe(found.length);
  return found;
};

describe('a pack', () => {
  it('holds the bodies as they are, and gives them back', () => {
    const given = ['{"id":"C-1","name":"Zoë"}', '{"id":"C-2","note":"two\\nlines"}', '"a text"', '{}'];
    const pack = packBodies(bodies(...given));
    expect(String(pack)).toBe(given.join('\n'));
    expect(texts(pack)).toEqual(given);
    expect(texts(packBodies(bodies('{}')))).toEqual(['{}']);
  });

  it('of another program may end its last line, have empty lines, and use CR LF', () => {
    expect(texts(Buffer.from('{"a":1}\n\n{"a":2}\n'))).toEqual(['{"a":1}', '{"a":2}']);
    expect(texts(Buffer.from('{"a":1}\r\n\r\n{"a":2}\r\n'))).toEqual(['{"a":1}', '{"a":2}']);
    for (const empty of ['', '\n', '\r\n\n']) expect(texts(Buffer.from(empty))).toEqual([]);
  });

  it('takes no body that would be two, or none', () => {
    expect(canBePacked(Buffer.from('{}'))).toBe(true);
    expect(canBePacked(Buffer.from('{\n}'))).toBe(false);
    expect(canBePacked(Buffer.from(''))).toBe(false);
  });

  it('is not counted beyond what it may hold', () => {
    expect(countIn(Buffer.from('1\n'.repeat(MOST_PACKED)))).toBe(MOST_PACKED);
    expect(countIn(Buffer.from('1\n'.repeat(MOST_PACKED * 5)))).toBe(MOST_PACKED + 1);
  });

  it('is told by its content type alone', () => {
    expect(isPack({ contentType: PACK_CONTENT_TYPE })).toBe(true);
    for (const contentType of ['application/json', '', undefined, 7]) expect(isPack({ contentType })).toBe(false);
  });

  it('keeps its form: packs that an earlier version has published may lie in queues for long', () => {
    const read = [...bodiesOf(Buffer.from('{"id":"C-1"}\n{"id":"C-2"}'))].map(String);
    expect(read).toEqual(['{"id":"C-1"}', '{"id":"C-2"}']);
    expect(packedId('019b7600-0000-7000-8000-00000000000a', 17)).toBe('019b7600-0000-7000-8000-00000000000a.0000017');
    expect([PACK_CONTENT_TYPE, PACK_FORMAT]).toEqual(['application/x-ndjson', 1]);
  });

  it('gives its records ids that sort as they do, between the pack’s own and the next message’s', () => {
    const [id, next] = ['019b7600-0000-7000-8000-00000000000a', '019b7600-0000-7000-8000-00000000000b'];
    const ids = [id, ...[0, 1, 9, 10, 99, 100, 12_345].map((place) => packedId(id, place)), next];
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
