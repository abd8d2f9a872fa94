import { describe, expect, test } from 'vitest';
import { compileObject } from '../../src/records/object-maker.js';

describe('an object', () => {
  const names = (count: number) => Array.from({ length: count }, (_, at) => `field ${at}`);

  test.each([3, 16, 17, 60])('of %i names has them in their order, without those that have no value', (count) => {
    const make = compileObject(names(count));
    for (const isAbsent of [() => false, (at: number) => at % 2 === 0, (at: number) => at === count - 1, () => true]) {
      const values = names(count).map((_, at) => (isAbsent(at) ? undefined : at));
      const made = make(values);
      expect(Object.entries(made)).toEqual(
        values.flatMap((value, at) => (value === undefined ? [] : [[`field ${at}`, at]])),
      );
    }
  });

  test('of very many combinations of names is the same', () => {
    const make = compileObject(names(20));
    for (let form = 0; form < 300; form++) {
      const values = names(20).map((_, at) => ((form >> at) % 2 === 1 ? at : undefined));
      expect(Object.keys(make(values))).toEqual(names(20).filter((_, at) => (form >> at) % 2 === 1));
    }
  });

  test('shares nothing with the next one', () => {
    const make = compileObject(names(20));
    const [first, second] = [make(names(20)), make(names(20))];
    first['field 1'] = 'changed';
    expect(second['field 1']).toBe('field 1');
  });

  test('may have names that every object has', () => {
    const make = compileObject(['__proto__', 'constructor', ...names(20)]);
    const made = make(['a', undefined, ...names(20)]);
    expect(Object.keys(made)).toEqual(['__proto__', ...names(20)]);
    expect(Object.hasOwn(made, 'constructor')).toBe(false);
  });
});
