import { expect, test } from 'vitest';
import { idsIn, stageOf } from './stage.js';

// Files of some hundred bytes that were made for it: each held up the process, or ended the poll of all files.
test.each([
  [
    'a page has fewer nulls than none',
    'its pages have more',
    'UEFSMRUGFSgVKFwVBhX/k+vcAxUGFRAVBBUAEgAABgABgJTr3AMAFQQZLEgEcm9vdBUCABUCJQIYAmlkABYGGRwZHCYIHBUCGSUABhkYAmlkFQAWBhZGFkYmCAAAFkYWBgAoAXgZHBwAAABEAAAAUEFSMQ==',
  ],
  [
    'a page has a second header that says nothing',
    'its pages have more',
    'UEFSMRUAFRQVFCwVgJTr3AMVABUGFQYAPBUAFQAVABUAFQAVAAAABgAAAICU69wDABUEGSxIBHJvb3QVAgAVAiUCGAJpZAAWBhkcGRwmCBwVAhklAAYZGAJpZBUAFgYWWhZaJggAABZaFgYAKAF4GRwcAAAARAAAAFBBUjE=',
  ],
  [
    'a page has a first header that says nothing',
    'its pages have more',
    'UEFSMRUGFQwVDCwVABUAFQYVBgA8FYCU69wDFYCU69wDFQAVABUMFQASAACAlOvcAwAVBBksSARyb290FQIAFQIlAhgCaWQAFgYZHBkcJggcFQIZJQAGGRgCaWQVABYGFlwWXCYIAAAWXBYGACgBeBkcHAAAAEQAAABQQVIx',
  ],
  [
    'decimals are doubles',
    'cannot be converted to a BigInt',
    'UEFSMRUAFRAVECwVAhUAFQYVBgAAAAAAAAAA+D8VBBksSARyb290FQIAFQolABgCaWQlChUEFRIAFgIZHBkcJggcFQoZJQAGGRgCaWQVABYCFjIWMiYIAAAWMhYCACgBeBkcHAAAAEoAAABQQVIx',
  ],
  [
    'decimals are no numbers',
    'cannot be converted to a BigInt',
    'UEFSMRUAFQgVCCwVAhUAFQYVBgAAAADAfxUEGSxIBHJvb3QVAgAVCCUAGAJpZCUKFQQVEgAWAhkcGRwmCBwVCBklAAYZGAJpZBUAFgIWKhYqJggAABYqFgIAKAF4GRwcAAAASgAAAFBBUjE=',
  ],
  [
    'decimals are floats by their logical type',
    'cannot be converted to a BigInt',
    'UEFSMRUAFQgVCCwVAhUAFQYVBgAAAAAgQBUEGSxIBHJvb3QVAgAVCCUAGAJpZGxcFQQVEgAAABYCGRwZHCYIHBUIGSUABhkYAmlkFQAWAhYqFiomCAAAFioWAgAoAXgZHBwAAABMAAAAUEFSMQ==',
  ],
])('a Parquet file in which %s is refused by itself, and the file behind it is read', async (_what, said, packed) => {
  const { write, poll } = await stageOf();
  await write('a.parquet', Buffer.from(packed, 'base64'), 1);
  await write('b.csv', 'id,name\n1,x\n', 2);
  const { records, inputs } = await poll();
  expect(idsIn(records)).toEqual(['1']);
  expect(inputs).toContainEqual(expect.objectContaining({ outcome: 'refused', reason: expect.stringContaining(said) }));
});
