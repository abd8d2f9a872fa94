import { LATER_PARTS, type LaterPart, type PipelineFile } from '../pipeline.js';
import type { OlderVersion } from './older.js';

/**
 * The largest pipeline that an older version takes, too: whoever upgrades has a file that both read, and uses what is new when all is upgraded.
 * @param write writes the pipeline without these parts
 * @throws Error if the older version takes none
 */
export async function commonPipeline(
  older: OlderVersion,
  write: (without: readonly LaterPart[]) => PipelineFile,
  say: (line: string) => void,
): Promise<PipelineFile> {
  let refused: string | undefined;
  for (let count = 0; count <= LATER_PARTS.length; count++) {
    const without = LATER_PARTS.slice(0, count);
    const pipeline = write(without);
    refused = await older.refuses(pipeline.path);
    if (refused === undefined) {
      if (count > 0) say(`${older.name} does not know everything: the pipeline has no ${without.join(' and no ')}`);
      return pipeline;
    }
  }
  throw new Error(`${older.name} does not take the pipeline of the run: ${refused}`);
}
