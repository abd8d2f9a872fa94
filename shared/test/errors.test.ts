import { expect, it } from 'vitest';
import { describeError, FatalError, RetryableError } from '../src/index.js';

it('cuts what a server says at great length once, however often it is passed on', () => {
  const said = describeError(new Error('x\u001b[31m'.repeat(3_000_000)));
  expect(said.length).toBeLessThan(21_000);
  expect(said).toMatch(/^x.+… \(and 17980000 more characters\)$/s);
  const passedOn = new RetryableError('network', `the database says: ${said}; trying again`, {
    cause: new Error('x\u001b[31m'.repeat(3_000_000)),
  });
  expect(describeError(passedOn)).toBe(passedOn.message);
  expect(describeError(new AggregateError([said, said, said].map((one) => new Error(one)))).length).toBeLessThan(
    21_000,
  );
  expect(describeError('y'.repeat(100_000)).length).toBeLessThan(21_000);
  // All faults of a pipeline file are told.
  const faults = 'a fault of the pipeline file\n'.repeat(700);
  expect(describeError(new FatalError('config_invalid', faults))).toBe(faults);
});
