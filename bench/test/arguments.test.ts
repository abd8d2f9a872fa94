import { describe, expect, test } from 'vitest';
import { readArguments, usage } from '../src/arguments.js';
import type { Figure } from '../src/figure.js';

const figures: Figure[] = ['publish', 'drain.csv', 'drain.postgres', 'drained'].map((name) => ({
  name,
  unit: 'records/s',
  sentence: `What ${name} says.`,
  measure: async () => ({ value: 1 }),
}));
const namesOf = (...args: string[]) => readArguments(args, figures).figures.map(({ name }) => name);

describe('which figures are measured', () => {
  test('all, if no name is given', () => {
    expect(namesOf('--quick')).toEqual(figures.map(({ name }) => name));
  });

  test('those that are named, in the order of the bench', () => {
    expect(namesOf('drain.postgres', 'publish')).toEqual(['publish', 'drain.postgres']);
  });

  test('all of a group, by its name', () => {
    expect(namesOf('drain')).toEqual(['drain.csv', 'drain.postgres']);
  });

  test('an unknown name is an error that lists the names', () => {
    expect(() => namesOf('publish', 'drian')).toThrow(/no figure "drian"[\s\S]*drain\.csv/);
  });
});

test('an option that does not exist is an error', () => {
  expect(() => readArguments(['--fast'], figures)).toThrow('--fast');
});

test('options and names can be mixed', () => {
  const asked = readArguments(['publish', '--quick', '--json', 'results.json'], figures);
  expect(asked).toMatchObject({ quick: true, json: 'results.json', profiles: undefined, help: false });
});

test('the help says what each figure measures', () => {
  expect(usage(figures)).toContain('What drain.csv says.');
});
