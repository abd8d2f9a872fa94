import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { listParts, type Part, type Row, type SinkConfig } from '@tributary/shared';
import type {
  FoundRow,
  Inspection,
  LandedRow,
  LandedRows,
  Mark,
  Marks,
  Sink,
  SinkMaker,
  SinkParts,
  SinkWriter,
  StoredOutput,
} from '../port.js';
import { refuseHalfRestored } from './copies-restore.js';
import { CsvErasures } from './erasures.js';
import { CsvFence } from './fence.js';
import { ignoreMissing, statIfThere } from './files.js';
import { forgetCsvHistory, hasOldCsvStates } from './forget-history.js';
import { OutputIdentity } from './identity.js';
import { Losses } from './losses.js';
import { inspectParts, markOfPart, sizesOf } from './marks.js';
import { PartReader } from './part-reader.js';
import { PartState } from './part-state.js';
import { Presence } from './presence.js';
import { removeCsvKeys } from './remove-keys.js';
import { PartSeals } from './seal.js';
import { readStored } from './stored.js';
import { watchOutput } from './watch.js';
import { inWords } from './words.js';
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
  create: (parts) => new CsvSink(parts),
};

/** CSV files, `<directory>/<dataset>/part-<writer>-<number>.csv`. Each part has one writer, and grows line by line. */
class CsvSink implements Sink {
  readonly #parts: SinkParts<SinkConfig['csv']>;
  readonly #state: PartState;
  readonly #seals: PartSeals;
  readonly #fence: CsvFence;
  readonly #losses: Losses;
  readonly #identity: OutputIdentity;
  readonly #reader: PartReader;
  readonly #presence: Presence;
  readonly erasures: CsvErasures;

  constructor(parts: SinkParts<SinkConfig['csv']>) {
    const { settings, datasets, log, pipeline, clock } = parts;
    const { directory } = settings;
    this.#parts = parts;
    this.#state = new PartState(directory);
    this.#seals = new PartSeals(this.#state);
    this.#fence = new CsvFence({ directory, datasets, state: this.#state, seals: this.#seals });
    this.#losses = new Losses(directory, datasets, this.#state);
    this.#identity = new OutputIdentity({ directory, fence: this.#fence, losses: this.#losses, log });
    this.#presence = new Presence(directory, pipeline, clock);
    this.#reader = new PartReader({ settings, state: this.#state, log });
    this.erasures = new CsvErasures({ ...parts, fence: this.#fence, state: this.#state, seals: this.#seals });
  }

  identity(): Promise<string> {
    return told(async () => {
      await refuseHalfRestored(this.#parts.settings.directory);
      return await this.#identity.name();
    });
  }

  renew(): Promise<void> {
    return told(() => this.#identity.renew());
  }

  inspect(kept: Marks): Promise<Inspection> {
    const { settings, datasets } = this.#parts;
    return told(() => inspectParts(settings.directory, datasets, this.#state, kept));
  }

  stored(): Promise<StoredOutput> {
    return told(() => readStored(this.#parts.settings.directory));
  }

  epoch(): Promise<string | undefined> {
    return told(() => this.#fence.epoch());
  }

  beginEpoch(epoch: string): Promise<void> {
    return told(() => this.#fence.beginEpoch(epoch));
  }

  prepare(epoch: string): Promise<void> {
    return told(() => this.erasures.carryOut(epoch));
  }

  forgetHistory(epoch: string, before: number): Promise<Readonly<Record<string, number>>> {
    const shared = { fence: this.#fence, state: this.#state, seals: this.#seals, reader: this.#reader };
    return told(() => forgetCsvHistory({ ...this.#parts, ...shared }, epoch, before));
  }

  hasOldStates(before: number): Promise<boolean> {
    return told(() => hasOldCsvStates({ ...this.#parts, reader: this.#reader }, before));
  }

  removeKeys(
    epoch: string,
    dataset: Parameters<Sink['scan']>[0],
    newest: ReadonlyMap<string, string>,
  ): Promise<Readonly<Record<string, number>>> {
    const shared = { fence: this.#fence, state: this.#state, seals: this.#seals };
    return told(() => removeCsvKeys({ ...this.#parts, ...shared }, epoch, dataset, newest));
  }

  async open(writer: string, epoch: string, onLost?: Parameters<Sink['open']>[2]): Promise<SinkWriter> {
    const { settings, datasets, clock } = this.#parts;
    const shared = { ...settings, writer, epoch, fence: this.#fence, state: this.#state, seals: this.#seals, clock };
    const writers = new Map(
      datasets.map((dataset) => [dataset.name, new CsvPartWriter({ ...shared, dataset })] as const),
    );
    const closed = new AbortController();
    const presence = this.#presence;
    await told(() => presence.enter());
    if (onLost !== undefined) {
      presence.keep();
      const all = [...writers.values()];
      void watchOutput({ presence, losses: this.#losses, writers: all, clock, onLost, signal: closed.signal });
    }
    return {
      async write(dataset, rows) {
        const part = writers.get(dataset);
        if (part === undefined) throw new Error(`no dataset "${dataset}" in this pipeline`);
        return told(() => part.append(rows));
      },
      async close() {
        closed.abort();
        // The part of a fenced writer throws; the others must be closed all the same. A file that is left open is closed by
        // the garbage collector, which Node will not do for ever.
        let failed: unknown;
        for (const part of writers.values()) {
          await part.close().catch((error: unknown) => {
            failed ??= error;
          });
        }
        if (failed !== undefined) throw failed;
      },
    };
  }

  takeOver(writer: string): Promise<LandedRows> {
    return told(async () => {
      await this.#fence.fence(writer);
      const landed = new Map<string, Mark>();
      for (const dataset of this.#parts.datasets) {
        const all = await listParts(this.#parts.settings.directory, dataset.name);
        for (const part of all.filter((one) => one.writer === writer).slice(-PARTS_IN_DOUBT)) {
          // Before its rows are read: if the output goes back to an older state meanwhile, the mark tells it.
          const size = (await statIfThere(part.path))?.size ?? 0;
          const mark = { name: markOfPart(dataset.name, part.name), at: size };
          for await (const { key, hash, version, messageId } of this.#reader.rows(part, dataset)) {
            landed.set(landedId(dataset.name, key, hash, dataset.orderOf(version, messageId)), mark);
          }
        }
      }
      const markOf = ({ dataset, key, hash, order }: Row) => landed.get(landedId(dataset, key, hash, order));
      return { has: (row: Row) => markOf(row) !== undefined, markOf };
    });
  }

  async *scan(dataset: Parameters<Sink['scan']>[0]): AsyncGenerator<LandedRow> {
    const teller = this.#reader.teller(dataset);
    for (const part of await listParts(this.#parts.settings.directory, dataset.name)) {
      yield* this.#reader.rows(part, dataset, teller);
    }
    teller.finish();
  }

  changeOf(dataset: Parameters<Sink['scan']>[0]): Promise<string> {
    return told(() => sizesOf(this.#parts.settings.directory, dataset.name));
  }

  async *find(dataset: Parameters<Sink['scan']>[0], isMeant: (row: LandedRow) => boolean): AsyncGenerator<FoundRow> {
    for (const part of await listParts(this.#parts.settings.directory, dataset.name)) {
      const place = markOfPart(dataset.name, part.name);
      for await (const row of this.#reader.rows(part, dataset)) if (isMeant(row)) yield { place, row };
    }
  }

  unread(dataset: Parameters<Sink['scan']>[0]): Promise<Readonly<Record<string, number>>> {
    return told(async () => {
      const found: Record<string, number> = {};
      for (const part of await listParts(this.#parts.settings.directory, dataset.name)) {
        const lines = await this.#reader.unread(part, dataset);
        if (lines > 0) found[markOfPart(dataset.name, part.name)] = lines;
      }
      return found;
    });
  }

  probe(): Promise<void> {
    const { settings, datasets } = this.#parts;
    return told(async () => {
      await this.#presence.look();
      for (const dataset of datasets) await checkReadable(await listParts(settings.directory, dataset.name));
      await checkWritable(join(settings.directory, '.tributary'));
    });
  }

  async close(): Promise<void> {
    await this.#presence.leave().catch(() => {});
  }
}

/** A ledger that is rebuilt without a part that cannot be read now would have its rows written once more. */
async function checkReadable(parts: readonly Part[]): Promise<void> {
  for (const { path } of parts) await access(path, constants.R_OK).catch(ignoreMissing);
}

async function checkWritable(folder: string): Promise<void> {
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
}

/** Tells errors of the file system in words. */
async function told<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw inWords(error);
  }
}

const landedId = (...parts: readonly string[]): string => parts.join('\n');
