import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePath, PathError, pathToName } from '../../src/index.js';

const BODY = {
  data: [{ id: 1 }, { id: 2, user: { login: 'ada' } }],
  'First Name': 'Ada',
  'a.b': { "it's": [7] },
  '@odata.nextLink': 'next',
  $key: 'K',
  größe: 3,
  constructor: 'own',
};

const read = (path: string) => compilePath(path).read(BODY);

describe('a path', () => {
  test.each([
    ['$', BODY],
    ['$.data', BODY.data],
    ['$.data[0].id', 1],
    ['$.data[-1].id', 2],
    ['$.data[1].user.login', 'ada'],
    ["$['First Name']", 'Ada'],
    ['$["First Name"]', 'Ada'],
    ["$['a.b']['it\\'s'][0]", 7],
    ["$['@odata.nextLink']", 'next'],
    ['$.$key', 'K'],
    ['$.größe', 3],
    ['$.constructor', 'own'],
    ['$.data.0.id', 1],
  ])('%s finds what lies there', (path, found) => {
    expect(read(path)).toEqual(found);
  });

  test.each([
    '$.nothing',
    '$.data[2]',
    '$.data[-3].id',
    '$.data.id',
    '$.data.length',
    '$.toString',
    '$.data.map',
    '$.__proto__',
    "$['First Name'].length",
    "$['First Name'][0]",
    '$.data[0].constructor',
  ])('%s finds nothing: only what a value itself holds counts', (path) => {
    expect(read(path)).toBeUndefined();
  });

  test('leads nowhere in what is no object', () => {
    for (const value of [undefined, null, 1, 'text', true]) {
      expect(compilePath('$.a').read(value)).toBeUndefined();
      expect(compilePath('$[0]').read(value)).toBeUndefined();
      expect(compilePath('$').read(value)).toBe(value);
    }
  });

  test('that ends in ? says that its value may be missing', () => {
    expect(compilePath('$.results?')).toMatchObject({ mayBeMissing: true, steps: ['results'] });
    expect(compilePath("$['what?']")).toMatchObject({ mayBeMissing: false, steps: ['what?'] });
  });

  test.each([
    ['', 'begins with $'],
    ['data', 'begins with $'],
    ['$data', 'at "data"'],
    ['$.', 'at its end'],
    ['$..a', 'at ".a"'],
    ['$.a b', 'at " b"'],
    ['$[x]', "such as [0], [-1] or ['any name']"],
    ['$[', 'at "["'],
    ["$['a]", 'at'],
    ['$[1.5]', 'at "[1.5]"'],
    ['$.a[*]', 'at "[*]"'],
    ['$.a?.b', 'at "?.b"'],
  ])('%s is refused, with the place of its fault', (path, words) => {
    expect(() => compilePath(path)).toThrow(PathError);
    expect(() => compilePath(path)).toThrow(words);
  });

  test('made of a name finds that name, whatever the name is', () => {
    const names = fc.oneof(
      fc.string(),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('__proto__', 'length', '0', "'", '\\', ']', `\${HOME}`),
    );
    fc.assert(
      fc.property(names, fc.integer(), (name, value) => {
        const record = Object.fromEntries([[name, value]]);
        const path = pathToName(name);
        expect(path.read(record)).toBe(value);
        expect(compilePath(path.text)).toMatchObject({ steps: [name] });
        expect(compilePath(path.text).read(record)).toBe(value);
        expect(path.read({})).toBeUndefined();
      }),
    );
  });

  test('of any steps is read as it was written', () => {
    const step = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.string({ unit: 'grapheme' }));
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const text = steps
          .map((one) => (typeof one === 'number' ? `[${one}]` : pathToName(one).text.slice(1)))
          .join('');
        expect(compilePath(`$${text}`).steps).toEqual(steps);
      }),
    );
  });
});
