import { describe, expect, it } from 'vitest';
import { recordsInLines } from '../../../../src/sources/rest/formats/ndjson.js';

describe('records in lines', () => {
  it('are one a line, however lines end, and empty lines are none', () => {
    expect(recordsInLines('{"id":1}\r\n\n{"id":2}\n  \n3\n')).toEqual([{ id: 1 }, { id: 2 }, 3]);
    expect(recordsInLines('')).toEqual([]);
    expect(recordsInLines('{"id":1}')).toEqual([{ id: 1 }]);
  });

  it('keep a line that is no JSON as the text it is: it costs no other line its place', () => {
    expect(recordsInLines('{"id":1}\n{oops}\n{"id":2}\n')).toEqual([{ id: 1 }, '{oops}', { id: 2 }]);
  });

  it('are cut off where the last line has no end', () => {
    expect(() => recordsInLines('{"id":1}\n{"id":')).toThrow('cut off');
  });
});
