import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FatalError } from '@tributary/shared';
import { readIfThere, replaceFile, unlessThere, withFolder } from './files.js';

const ownerPath = (directory: string): string => join(directory, '.tributary', 'pipeline');

/**
 * Checks that an output belongs to no other pipeline: two would take it from each other, again and again, and each would put its
 * rows between those of the other.
 * @throws FatalError naming the other pipeline and what to do
 */
export async function checkOwner(directory: string, pipeline: string): Promise<void> {
  const owner = await readIfThere(ownerPath(directory));
  if (owner === undefined || owner === '' || owner === pipeline) return;
  throw new FatalError(
    'output_taken',
    `the output ${directory} belongs to the pipeline "${owner}", and this is "${pipeline}": give each pipeline an output of its own (OUTPUT_DIR, or sink.csv.directory); if "${owner}" was renamed to "${pipeline}", or is gone for good, remove the file ${ownerPath(directory)}`,
  );
}

/**
 * Makes an output that belongs to no pipeline yet this one's. Of several pipelines at the same time, one gets it.
 * @throws FatalError as of {@link checkOwner}
 */
export async function takeOwnership(directory: string, pipeline: string): Promise<void> {
  const path = await withFolder(ownerPath(directory));
  const owner = await readIfThere(path);
  // Empty: a consumer is about to write it, or died before it did.
  if (owner === '') await replaceFile(path, pipeline);
  else if (owner === undefined) await unlessThere(writeFile(path, pipeline, { flag: 'wx', flush: true }));
  await checkOwner(directory, pipeline);
}
