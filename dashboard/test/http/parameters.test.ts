import { expect, test } from 'vitest';
import { z } from 'zod';
import { readBody } from '../../src/http/parameters.js';

test("what is wrong with a request's body is told in words", () => {
  const schema = z.strictObject({ reason: z.string().min(3), limit: z.int().max(10).optional() });
  expect(() => readBody(schema, { reason: 5 })).toThrow('reason: expected text');
  expect(() => readBody(schema, { reason: 'x' })).toThrow('reason: expected 3 or more characters');
  expect(() => readBody(schema, { reason: 'old', limit: 11 })).toThrow('limit: expected at most 10');
  expect(readBody(schema, { reason: 'old' })).toEqual({ reason: 'old' });
});
