import { type AloneOptions, withEngine } from './alone.js';
import type { Cell } from './port.js';
import { quotedName } from './quoted.js';

export interface SampleOptions extends AloneOptions {
  /** Datasets of the pipeline. */
  readonly datasets: readonly string[];
  /** Rows of each that are looked at. */
  readonly rows: number;
  readonly signal: AbortSignal;
  /** Takes a value of a row. */
  see(dataset: string, column: string, cell: Cell): void;
}

/** Seconds that a dataset may take. */
const SECONDS = 600;

/**
 * Looks at some rows of datasets, taken by chance from the newest of each key.
 * @returns how many rows of each were seen
 * @throws SqlError or RetryableError if they cannot be read
 */
export async function sampleDatasets(options: SampleOptions): Promise<Readonly<Record<string, number>>> {
  const { datasets, rows: maxRows, signal, see } = options;
  return await withEngine(options, 'scan', async (engine) => {
    const seen: Record<string, number> = {};
    for (const dataset of datasets) {
      seen[dataset] = 0;
      // By chance: the first rows may be from before a column had anything in it.
      const query = `SELECT * FROM ${quotedName(dataset)} ORDER BY random() LIMIT ${maxRows}`;
      const { columns, rows } = await engine.run(query, { signal, maxRows, seconds: SECONDS });
      for (const { name } of columns) see(dataset, name, null);
      for await (const batch of rows) {
        for (const row of batch) {
          seen[dataset] += 1;
          for (const [index, { name }] of columns.entries()) see(dataset, name, row[index] ?? null);
        }
      }
    }
    return seen;
  });
}
