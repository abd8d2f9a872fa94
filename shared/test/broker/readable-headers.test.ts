import { expect, test } from 'vitest';
import { readAllHeaders, withReadableHeaders } from '../../src/broker/readable-headers.js';

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const long = (bytes: Buffer) => Buffer.concat([u32(bytes.length), bytes]);
const text = (value: string) => Buffer.concat([Buffer.from('S'), long(Buffer.from(value))]);
const entry = (name: string, value: Buffer) => Buffer.concat([Buffer.of(name.length), Buffer.from(name), value]);
const lists = (levels: number) => {
  let value = Buffer.from('V');
  for (let level = 0; level < levels; level++) value = Buffer.concat([Buffer.from('A'), long(value)]);
  return value;
};
const frame = (type: number, payload: Buffer) => Buffer.concat([Buffer.of(type, 0, 1), long(payload), Buffer.of(0xce)]);
/** With a content type and an encoding before the headers, and a priority behind them. */
const properties = (...headers: readonly Buffer[]) =>
  frame(
    2,
    Buffer.concat([
      Buffer.of(0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0xe8, 0),
      entry('json', Buffer.of()),
      entry('gzip', Buffer.of()),
      long(Buffer.concat(headers)),
      Buffer.of(9),
    ]),
  );

const before = entry('before', text('a'));
const behind = entry('behind', text('b'));
const left = (() => {
  let value = text('left out: it is nested too deep, or of an unknown type');
  for (let level = 0; level < 66; level++) value = Buffer.concat([Buffer.from('A'), long(value)]);
  return value;
})();
const body = frame(3, Buffer.from('hello'));

test.each<[string, Buffer, Buffer | undefined]>([
  ['what can be read', entry('odd', lists(64)), undefined],
  ['one level too many', entry('odd', lists(65)), entry('odd', left)],
  ['far too many', entry('odd', lists(9_000)), entry('odd', left)],
  [
    'a type that is not known, in a list',
    entry('odd', Buffer.concat([Buffer.from('A'), long(Buffer.from('?12'))])),
    entry('odd', left),
  ],
])('a header of %s costs no other one', (_, odd, becomes) => {
  const given = Buffer.concat([properties(before, odd, behind), body]);
  const is = withReadableHeaders(given);
  if (becomes === undefined) expect(is).toBe(given);
  else expect(is).toEqual(Buffer.concat([properties(before, becomes, behind), body]));
});

test('behind a header of a type that is not known nothing can be read, and the frames that follow can', () => {
  const given = Buffer.concat([properties(before, entry('odd', Buffer.from('?')), behind), body]);
  expect(withReadableHeaders(given)).toEqual(Buffer.concat([properties(before, entry('odd', left)), body]));
});

test('what is no whole frame, has no headers, or is no frame of properties is left as it is', () => {
  const deep = properties(entry('odd', lists(80)));
  for (let size = 0; size < deep.length; size++) {
    const part = deep.subarray(0, size);
    expect(withReadableHeaders(part)).toBe(part);
  }
  for (const other of [frame(3, deep), frame(2, Buffer.of(0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0))])
    expect(withReadableHeaders(other)).toBe(other);
});

test('a connection looks at the bytes whenever it makes a frame of them', () => {
  const connection = {
    rest: properties(entry('odd', lists(80))),
    recvFrame() {
      return this.rest.length;
    },
  };
  readAllHeaders({ connection });
  expect(connection.recvFrame()).toBe(properties(entry('odd', left)).length);
});
