import { type Dataset, PoisonError, type Row } from '@tributary/shared';
import type { Inspection, LandedRow, LandedRows, Mark, Marks, Sink, SinkWriter } from '../../src/sinks/port.js';
import { RowsRefused } from '../../src/sinks/refused.js';
import { WriterLost } from '../../src/writer-lost.js';
import type { Host, World } from './world.js';

/** A file: what readers see of it, and how much of that is left after a power cut. */
export interface File {
  readonly host: Host | undefined;
  content: string;
  synced: number;
}

export interface Part {
  readonly writer: string;
  readonly dataset: string;
  /** Another file once the part is sealed: a writer that still has the old file open writes to one that no reader sees. */
  file: File;
  sealed: boolean;
}

/** The disk that all hosts share, as the CSV sink uses it. It outlives every process. */
export class MemoryDisk {
  readonly parts: Part[] = [];
  readonly fenced = new Set<string>();
  identity = 'disk';
  epoch: string | undefined;
  /** The next write of these hosts fails in its middle, as on a full disk. */
  readonly failing = new Set<Host>();
  /** Whether it refuses a row for what it holds, as a database with constraints does. */
  refuses: (row: Row) => boolean = () => false;
  readonly #files: File[] = [];

  create(host: Host, writer: string, dataset: string): File {
    const file = { host, content: '', synced: 0 };
    this.#files.push(file);
    this.parts.push({ writer, dataset, file, sealed: false });
    return file;
  }

  /** Cuts the host's power: what it wrote and did not sync is gone. */
  losePower(host: Host): void {
    for (const file of this.#files) if (file.host === host) file.content = file.content.slice(0, file.synced);
  }

  fence(writer: string): void {
    this.fenced.add(writer);
  }

  sync(file: File): void {
    file.synced = file.content.length;
  }

  /**
   * What is synced now, to be put back later, as an older copy of a folder is: writers that have files open write to files that
   * no reader sees any more.
   */
  copy(): () => void {
    const { identity, epoch } = this;
    const parts = this.parts.map((part) => ({ ...part, synced: part.file.content.slice(0, part.file.synced) }));
    return () => {
      const restored = parts.map(({ writer, dataset, sealed, synced }) => {
        return { writer, dataset, sealed, file: { host: undefined, content: synced, synced: synced.length } };
      });
      this.parts.splice(0, this.parts.length, ...restored);
      this.identity = identity;
      this.epoch = epoch;
    };
  }

  /** Whether a reader sees what is written to this file. */
  isSeen(file: File): boolean {
    return this.parts.some((part) => part.file === file);
  }

  /** Puts a copy of the part's whole lines in its place, once. */
  seal(part: Part): void {
    if (part.sealed) return;
    const content = wholeLines(part.file.content);
    part.file = { host: undefined, content, synced: content.length };
    part.sealed = true;
  }

  /** As the CSV sink does: sizes of parts that nobody writes to any more are remembered, and no part may get shorter. */
  inspect(kept: Marks): Inspection {
    const sizeOf = (name: string) => this.parts.find((part) => nameOf(part) === name)?.file.content.length ?? -1;
    const lost = Object.entries(kept).find(([name, size]) => sizeOf(name) < Number(size))?.[0];
    const sealed = this.parts.filter((part) => part.sealed);
    return { lost, marks: Object.fromEntries(sealed.map((part) => [nameOf(part), String(sizeOf(nameOf(part)))])) };
  }

  rows(dataset: string): LandedRow[] {
    return this.parts.filter((part) => part.dataset === dataset).flatMap(({ file }) => readRows(file));
  }
}

const nameOf = ({ writer, dataset }: Pick<Part, 'writer' | 'dataset'>): string => `${dataset}/${writer}`;

const wholeLines = (content: string): string => content.slice(0, content.lastIndexOf('\n') + 1);

const readRows = ({ content }: File): LandedRow[] =>
  wholeLines(content)
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LandedRow);

const writeRow = ({ key, hash, version, messageId, values }: Row): string =>
  `${JSON.stringify({ key, hash, version, messageId, deleted: values === null, values: values ?? {} })}\n`;

/** The CSV sink's protocol on the disk in memory, with a step for all that another process could see or a crash could split. */
export function createMemorySink(world: World, host: Host, disk: MemoryDisk, datasets: readonly Dataset[]): Sink {
  const step = (what: string) => world.park(host, what);

  return {
    identity: async () => disk.identity,
    async renew() {
      await step('rename the output');
      disk.identity += "'";
    },
    async inspect(kept) {
      await step('look at the sizes of the parts');
      return disk.inspect(kept);
    },
    stored: async () => ({ datasets: [], droppedColumn: '', changedType: '' }),
    async epoch() {
      await step('read the epoch');
      return disk.epoch;
    },
    async beginEpoch(epoch) {
      await step(`set the epoch ${epoch}`);
      disk.epoch = epoch;
      for (const part of disk.parts.filter(({ sealed }) => !sealed)) {
        await step(`fence ${part.writer}`);
        disk.fence(part.writer);
        await step(`seal ${part.dataset} of ${part.writer}`);
        disk.seal(part);
      }
    },
    async open(writer, epoch): Promise<SinkWriter> {
      const parts = new Map(
        datasets.map(({ name }) => [name, createPartWriter({ world, host, disk, writer, epoch, dataset: name })]),
      );
      return {
        write: async (dataset, rows) => await parts.get(dataset)?.(rows),
        async close() {},
      };
    },
    async takeOver(writer): Promise<LandedRows> {
      await step(`fence ${writer}`);
      disk.fence(writer);
      const landed = new Map<string, Mark>();
      for (const dataset of datasets) {
        await step(`seal ${dataset.name} of ${writer}`);
        for (const part of disk.parts.filter((one) => one.writer === writer && one.dataset === dataset.name)) {
          disk.seal(part);
          const mark = { name: nameOf(part), at: part.file.content.length };
          for (const { key, version, messageId, hash } of readRows(part.file)) {
            landed.set(landedId(dataset.name, key, dataset.orderOf(version, messageId), hash), mark);
          }
        }
      }
      const markOf = ({ dataset, key, order, hash }: Row) => landed.get(landedId(dataset, key, order, hash));
      return { has: (row) => markOf(row) !== undefined, markOf };
    },
    async *scan({ name }) {
      for (const { file } of disk.parts.filter((part) => part.dataset === name)) {
        await step(`read a part of ${name}`);
        yield* readRows(file);
      }
    },
    probe: async () => {},
    close: async () => {},
  };
}

const landedId = (...of: readonly string[]): string => of.join('\n');

interface PartWriterOptions {
  readonly world: World;
  readonly host: Host;
  readonly disk: MemoryDisk;
  readonly writer: string;
  readonly epoch: string;
  readonly dataset: string;
}

/** Writes of one part, one after the other. */
function createPartWriter({ world, host, disk, writer, epoch, dataset }: PartWriterOptions) {
  let file: File | undefined;
  let end = 0;
  let last: Promise<void> = Promise.resolve();
  const step = (what: string) => world.park(host, `${what} ${dataset} of ${writer}`);

  const checkFence = async () => {
    await step('check the fence for');
    if (disk.fenced.has(writer)) throw new WriterLost('fenced');
    if (disk.epoch !== epoch) throw new WriterLost('lost');
  };
  /** A consumer that fences sets its mark first and lists the parts after. So it sees this part, or this writer sees the mark. */
  const begin = async (): Promise<File> => {
    await step('create');
    const part = disk.create(host, writer, dataset);
    await checkFence();
    return part;
  };
  const write = async (given: readonly Row[]) => {
    file ??= await begin();
    const refused = given.filter((row) => disk.refuses(row));
    const rows = given.filter((row) => !refused.includes(row));
    const content = rows.map(writeRow).join('');
    const half = Math.floor(content.length / 2);
    await step(`write ${rows.map(({ key, messageId }) => `${key} of ${messageId}`).join(', ')} to`);
    file.content = file.content.slice(0, end) + content.slice(0, half);
    if (disk.failing.delete(host)) throw new Error('ENOSPC: no space left on device');
    await step('write the rest to');
    file.content += content.slice(half);
    await step('sync');
    disk.sync(file);
    end = file.content.length;
    await checkFence();
    if (!disk.isSeen(file)) throw new WriterLost('lost');
    const mark = { name: nameOf({ writer, dataset }), at: end };
    const error = new PoisonError('row_refused', 'the disk refuses its row');
    const refusals = refused.map((row) => ({ row, error }));
    if (refused.length > 0) throw new RowsRefused(refusals, mark);
    return mark;
  };
  return (rows: readonly Row[]): Promise<Mark> => {
    const written = last.then(() => write(rows));
    last = written.then(
      () => {},
      () => {},
    );
    return written;
  };
}
