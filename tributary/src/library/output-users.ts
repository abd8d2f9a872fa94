import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { isMapping, readText, replaceFile } from '@tributary/shared';

/** So many are remembered: one that was copied and run under many names must not make the file grow. */
const MOST = 20;

/**
 * Notes in the folder of the rows which pipeline file writes there, in `<output>/.tributary/pipelines.json`, and finds the others that did. Two
 * pipelines of one checkout have the same folder unless one is given: their rows would lie beside each other, and mix where datasets have one name.
 *
 * @param folder of the rows
 * @param file the pipeline file
 * @returns the other pipeline files that are still there
 */
export async function otherPipelines(folder: string, file: string): Promise<readonly string[]> {
  const path = join(folder, '.tributary', 'pipelines.json');
  const own = resolve(file);
  const known = filesIn(await readText(path).catch(() => ''));
  // The folder may have been moved, with the pipeline file beside it.
  const ownFromHere = relative(resolve(folder), own);
  if (!known.includes(ownFromHere)) {
    await mkdir(dirname(path), { recursive: true });
    await replaceFile(path, `${JSON.stringify({ files: [...known, ownFromHere].slice(-MOST) })}\n`);
  }
  return known
    .filter((one) => one !== ownFromHere)
    .map((one) => resolve(folder, one))
    .filter((one) => existsSync(one));
}

function filesIn(text: string): readonly string[] {
  try {
    const content: unknown = JSON.parse(text);
    const files = isMapping(content) ? content.files : undefined;
    return Array.isArray(files) ? files.filter((one) => typeof one === 'string') : [];
  } catch {
    return [];
  }
}
