import { type Clock, describeError, type EndpointOf } from '@tributary/shared';
import type { EndpointFrom } from '../../endpoint.js';
import {
  type Description,
  type Input,
  type Page,
  type PageRequest,
  type Source,
  type SourceEvents,
  Unreadable,
} from '../port.js';
import type { Archive } from './archive.js';
import { digestOf } from './bytes.js';
import { type Context, contextOf } from './context.js';
import type { Standing } from './formats/framer.js';
import { readGone } from './gone.js';
import { type FileState, isRead, isSame, KnownFiles, type Task } from './known.js';
import { inOrder } from './order.js';
import { isParquet, openParquet } from './parquet/parquet.js';
import { FileFault, FileGone, type FilePlace, type FoundFile, type OpenFile, type Trouble } from './places/place.js';
import type { Reading } from './readings.js';
import { Readiness } from './ready.js';
import { headOf, resolveTask } from './resolve.js';
import { Run } from './run.js';
import { Telling } from './telling.js';
import { type Opened, openText } from './text-records.js';

export interface FilesOptions extends SourceEvents {
  readonly place: FilePlace;
  /** Where raw files are kept; undefined if they are not. */
  readonly archive?: Archive | undefined;
  readonly clock: Clock;
  /** Told how far it has come. */
  onReading?(reading: Reading): void;
}

/** Files of a folder or a bucket: each is read once, or as it grows, or all of them whenever one of them changes. */
export class FilesSource implements Source {
  readonly countsPages = false;
  readonly #config: EndpointOf<'files'>;
  readonly #options: FilesOptions;
  readonly #readiness: Readiness;
  readonly #context: Context;
  readonly #telling: Telling;
  /** Files that were read to their end, and whose place is not saved yet. */
  #finished: FoundFile[] = [];

  constructor(endpoint: EndpointFrom<'files'>, options: FilesOptions) {
    this.#config = endpoint.config;
    this.#options = options;
    this.#readiness = new Readiness(endpoint.config, options.clock);
    this.#context = contextOf(endpoint);
    const { place, onDoubt } = options;
    this.#telling = new Telling({ endpoint: endpoint.id, place, onDoubt });
  }

  async *pages({ place: saved, lost, attended = false, signal }: PageRequest): AsyncGenerator<Page, void, undefined> {
    const known = new KnownFiles(saved);
    const run = new Run(known, this.#options.clock);
    this.#finished = [];
    if (saved === undefined && !attended) {
      const telling = this.#telling;
      const read = (place: Pick<FilePlace, 'open'>, file: FoundFile, before: Run) =>
        this.#file(place, file, before, true, signal);
      const { place, archive, clock } = this.#options;
      yield* readGone(run, lost, { config: this.#config, place, archive, clock, telling, read }, signal);
      this.#finished = [];
    }
    for (let look = 1; ; look++) {
      const listing = await this.#telling.list(this.#options.place, signal);
      const { ready, waiting } = this.#readiness.sort(listing);
      run.waiting = waiting.map(({ file }) => file.name);
      for (const trouble of listing.troubles) this.#refuse(run, trouble);
      for (const one of known.keepOnly(new Set(listing.files.map(({ name }) => name)))) {
        this.#refuse(run, {
          name: one.name,
          code: 'gone',
          reason: `it went away before it was read to its end; ${one.records} records of it were read`,
        });
      }
      const files = this.#chosen(ready);
      const isWhole = this.#config.deletes?.missing === true;
      if (isWhole && known.areExactly(files) && waiting.length === 0) break;
      if (isWhole) known.forget();
      run.ahead = files.length;
      for (const file of files) {
        run.ahead -= 1;
        yield* this.#file(this.#options.place, file, run, attended, signal);
      }
      const waits = waiting.flatMap(({ wait }) => wait ?? []);
      if (look === 2 || waits.length === 0 || attended) {
        for (const { file, wait } of waiting) {
          // Its marker was moved, and the process ended before the file was.
          if (isRead(known, file) && !attended) this.#finished.push(file);
          else run.inputs.push(this.#waiting(file, wait));
        }
        break;
      }
      await this.#options.clock.sleep(Math.min(...waits) + 1, signal);
      signal.throwIfAborted();
    }
    this.#tellReading(run);
    yield {
      ...this.#page([], run),
      notModified: !run.hasRead && saved !== undefined && run.troubles.length === 0,
      place: known.place(),
      doubt: this.#doubt(run),
    };
  }

  /** Everything up to the last place is confirmed and saved: what was read to its end may be moved. */
  async saved(signal: AbortSignal): Promise<void> {
    for (const file of this.#finished.splice(0)) {
      await this.#options.place.move(file, this.#config.marker, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        this.#telling.doubt(
          `${file.name} was read, and cannot be moved: ${describeError(error)}; the next poll tries again`,
        );
      });
    }
  }

  async describe(signal: AbortSignal): Promise<Description> {
    const { place } = this.#options;
    const listing = await this.#telling.list(place, signal);
    const { ready } = this.#readiness.sort(listing);
    const [first] = this.#chosen(ready);
    const bytes = listing.files.reduce((sum, { size }) => sum + size, 0);
    const name = `${listing.files.length} files of ${place.shown}`;
    if (first === undefined) return { name, columns: [], key: [], bytes };
    const opened = await place.open(first, signal);
    try {
      const { columns = [], close } = await this.#readingOf(opened, undefined, signal);
      await close();
      return {
        name: `${name}, such as ${first.name}`,
        columns: columns.map((column) => ({ name: column, type: 'text' })),
        key: [],
        bytes,
      };
    } catch (error) {
      if (!(error instanceof FileFault)) throw error;
      return { name: `${name}, such as ${first.name}: ${error.message}`, columns: [], key: [], bytes };
    } finally {
      await opened.close();
    }
  }

  /** Files in the order of their times; of those that each hold everything, the newest. */
  #chosen(files: readonly FoundFile[]): readonly FoundFile[] {
    const sorted = inOrder(files, (one, other) =>
      this.#telling.doubt(`${one} and ${other} differ in their compression only, and both are read`),
    );
    return this.#config.newest ? sorted.slice(-1) : sorted;
  }

  async *#file(
    place: Pick<FilePlace, 'open'>,
    found: FoundFile,
    run: Run,
    isLook: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<Page, void, undefined> {
    const task = run.known.taskFor(found, this.#config.append);
    if (task.do === 'nothing') {
      // It was to be moved, and the process ended before.
      if (!isLook && isRead(run.known, found)) this.#finished.push(found);
      return;
    }
    let opened: OpenFile | undefined;
    try {
      opened = await place.open(found, signal);
      if (!this.#config.append && !isSame(opened.file, found)) {
        // What was found to be whole is not this: a line that is half written could be one that is good.
        throw new FileGone('changed', 'it was written to or replaced after it was listed; the next poll looks again');
      }
      yield* this.#opened(opened, task, run, isLook, signal);
    } catch (error) {
      if (!(error instanceof FileGone || error instanceof FileFault)) throw error;
      this.#refuse(run, { name: found.name, code: error.code, reason: error.message });
      // What is wrong with its content stays so until it changes.
      const nothing = { at: 0, number: 0, records: 0, bad: 0 };
      if (error instanceof FileFault) run.known.set({ ...found, ...nothing, done: true, refused: true });
    } finally {
      await opened?.close();
    }
  }

  async *#opened(
    opened: OpenFile,
    asked: Task,
    run: Run,
    isLook: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<Page, void, undefined> {
    const { file } = opened;
    const { name } = file;
    const task = await resolveTask(opened, asked, signal);
    if (task.do === 'nothing') {
      const before = run.known.get(name);
      if (before !== undefined) run.known.set({ ...before, ...file });
      return;
    }
    if (task.do === 'read' && task.why !== undefined) this.#telling.news(name, task.why);
    const before = task.do === 'continue' ? task.state : undefined;
    const from: Standing | undefined = task.do === 'continue' && task.state.at > 0 ? task.from : undefined;
    const head = this.#config.append ? await headOf(opened, file.size, signal) : undefined;
    // Before anything else: what was read must be there as it came, whatever becomes of the records.
    const archived =
      isLook || this.#options.archive === undefined
        ? undefined
        : (before?.archived ?? (await this.#options.archive.keep(opened, this.#options.clock.now(), signal)).at);
    const reading = await this.#readingOf(opened, from, signal);
    for (const doubt of reading.doubts) this.#telling.doubt(`${this.#telling.where(name)}: ${doubt}`);
    let state: FileState = {
      ...file,
      at: from?.at ?? 0,
      number: from?.number ?? 0,
      records: before?.records ?? 0,
      bad: before?.bad ?? 0,
      done: false,
      head,
      archived,
    };
    run.hasRead = true;
    try {
      for await (const { records, numbers, standing, unit } of reading.batches()) {
        const bad = records.reduce<number>((sum, record) => sum + (record instanceof Unreadable ? 1 : 0), 0);
        state = { ...state, records: state.records + records.length, bad: state.bad + bad };
        if (standing !== undefined) state = { ...state, at: standing.at, number: standing.number };
        if (standing !== undefined) run.known.set(state);
        if (records.length === 0) continue;
        this.#context.add(records, numbers, file);
        if (!isLook) this.#tellReading(run, { name, readBytes: reading.readBytes(), bytes: file.size });
        const page = this.#page(records, run, (index) => `${name}, ${unit} ${numbers[index]}`);
        signal.throwIfAborted();
        yield standing !== undefined && run.isDue() ? { ...page, place: run.known.place() } : page;
      }
    } finally {
      await reading.close();
    }
    signal.throwIfAborted();
    const changed = await opened.changed(signal);
    const isGrowing = this.#config.append && changed !== undefined && /written/.test(changed);
    const sha256 = reading.digest() ?? (await digestOf(opened, signal));
    if (changed !== undefined && !isGrowing) {
      // It is not done, and it is another one by now: the next poll reads it anew.
      run.known.set({ ...state, done: false });
      this.#refuse(run, {
        name,
        code: 'changed',
        reason: `${changed}; what was read of it is published, and the next poll reads it anew`,
      });
      return;
    }
    run.known.set({ ...state, done: true, sha256 });
    run.inputs.push({
      name,
      outcome: 'read',
      bytes: file.size,
      sha256,
      records: state.records,
      bad: state.bad,
      archived,
    });
    if (!isLook) this.#finished.push(file);
  }

  async #readingOf(opened: OpenFile, from: Standing | undefined, signal: AbortSignal): Promise<Opened> {
    const isText = !isParquet(await opened.read(0, 4, signal));
    return await (isText ? openText : openParquet)(opened, this.#config, from, signal);
  }

  #page(records: readonly unknown[], run: Run, originOf?: (index: number) => string): Page {
    return {
      records,
      fetchedAt: this.#options.clock.now(),
      serverTime: undefined,
      originOf,
      inputs: run.inputs.splice(0),
    };
  }

  /** What is in a file that was not read is not missing. */
  #doubt({ troubles: [trouble], waiting: [name] }: Run): string | undefined {
    if (trouble !== undefined) return `${trouble.name} was not read: ${trouble.reason}`;
    return name === undefined ? undefined : `${name} is still being written`;
  }

  #waiting({ name }: FoundFile, wait: number | undefined): Input {
    const { marker } = this.#config;
    const reason =
      wait === undefined ? `${name}${marker} does not lie beside it` : 'it is still being written (settle)';
    return { name, outcome: 'waiting', reason };
  }

  #tellReading({ ahead, waiting, troubles }: Run, file?: Reading['file']): void {
    const [first] = troubles;
    this.#options.onReading?.({
      file,
      ahead,
      waiting: waiting.length,
      refused: troubles.length,
      ...(first === undefined ? {} : { firstRefused: first.name }),
    });
  }

  #refuse(run: Run, trouble: Trouble): void {
    const { name, code, reason } = trouble;
    run.troubles.push(trouble);
    run.inputs.push({ name, outcome: 'refused', reason });
    this.#telling.doubt(`${this.#telling.where(name)} (${code}): ${reason}`);
  }
}
