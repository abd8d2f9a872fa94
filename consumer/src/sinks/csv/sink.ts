import { randomBytes } from 'node:crypto';
import { mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Clock,
  type Dataset,
  isNeutralised,
  type Line,
  listParts,
  type Part,
  type Row,
  readPart,
  type SinkConfig,
} from '@tributary/shared';
import type { LandedRow, LandedRows, Sink, SinkMaker, SinkWriter } from '../port.js';
import { CsvFence } from './fence.js';
import { readLine } from './format.js';
import { CsvPartWriter } from './writer.js';

/**
 * The number of a dead writer's last parts that may hold rows which were written and not committed. Five writes to one
 * dataset can be in doubt at once (merged rows: of either side's batch, of either side's story, and of remerge.ts). If parts
 * are small, each is in a part of its own, and behind them there may be a part that has just begun.
 */
const PARTS_IN_DOUBT = 6;

/** The kind `csv`. */
export const csvSink: SinkMaker<SinkConfig['csv']> = {
  check() {},
  create: ({ settings, datasets, clock }) => createCsvSink(settings, datasets, clock),
};

/**
 * CSV files, `<directory>/<dataset>/part-<writer>-<number>.csv`. Each part has one writer, and grows line by line.
 *
 * @param clock stamps `_written_at`
 */
function createCsvSink(config: SinkConfig['csv'], datasets: readonly Dataset[], clock: Clock): Sink {
  const { directory, neutraliseFormulas, maxPartSize } = config;
  const fence = new CsvFence(directory, datasets);

  async function* rowsOf(part: Part, dataset: Dataset): AsyncGenerator<LandedRow> {
    const neutralised = await isNeutralised(config, dataset.name, part.name);
    for await (const line of linesOf(part)) {
      if (line._key !== undefined) yield readLine(line, dataset, neutralised);
    }
  }

  return {
    identity: () => fence.identity(),
    epoch: () => fence.epoch(),
    beginEpoch: (epoch) => fence.beginEpoch(epoch),

    async open(writer, epoch): Promise<SinkWriter> {
      const parts = new Map(
        datasets.map((dataset) => {
          const options = { directory, dataset, writer, epoch, fence, neutraliseFormulas, maxPartSize, clock };
          return [dataset.name, new CsvPartWriter(options)] as const;
        }),
      );
      return {
        async write(dataset, rows) {
          const part = parts.get(dataset);
          if (part === undefined) throw new Error(`no dataset "${dataset}" in this pipeline`);
          await part.append(rows);
        },
        async close() {
          // The part of a fenced writer throws; the others must be closed all the same. A file that is left open is closed by
          // the garbage collector, which Node will not do for ever.
          let failed: unknown;
          for (const part of parts.values()) {
            await part.close().catch((error: unknown) => {
              failed ??= error;
            });
          }
          if (failed !== undefined) throw failed;
        },
      };
    },

    async takeOver(writer): Promise<LandedRows> {
      await fence.fence(writer);
      const landed = new Set<string>();
      for (const dataset of datasets) {
        const parts = (await listParts(directory, dataset.name)).filter((part) => part.writer === writer);
        for (const part of parts.slice(-PARTS_IN_DOUBT)) {
          for await (const { key, hash, version, messageId } of rowsOf(part, dataset)) {
            landed.add(landedId(dataset.name, key, hash, dataset.orderOf(version, messageId)));
          }
        }
      }
      return { has: (row: Row) => landed.has(landedId(row.dataset, row.key, row.hash, row.order)) };
    },

    async *scan(dataset) {
      for (const part of await listParts(directory, dataset.name)) {
        yield* rowsOf(part, dataset);
      }
    },

    async probe() {
      const folder = join(directory, '.tributary');
      await mkdir(folder, { recursive: true });
      const path = join(folder, `probe-${randomBytes(6).toString('hex')}`);
      const file = await open(path, 'wx');
      try {
        await file.writeFile(Buffer.alloc(64 * 1024));
        await file.datasync();
      } finally {
        await file.close();
        await unlink(path);
      }
    },

    async close() {},
  };
}

/** A writer that finds its fence when it begins a part removes the part again, perhaps after it was listed here. */
async function* linesOf(part: Part): AsyncGenerator<Line> {
  try {
    yield* readPart(part.path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

const landedId = (...parts: readonly string[]): string => parts.join('\n');
