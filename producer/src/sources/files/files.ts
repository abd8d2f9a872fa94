import { createHash } from 'node:crypto';
import { type Clock, describeError, type EndpointOf, FatalError, RetryableError } from '@tributary/shared';
import type { EndpointFrom } from '../../endpoint.js';
import {
  CONTEXT,
  type Description,
  type Input,
  type Page,
  type PageRequest,
  type Place,
  type Source,
  type SourceEvents,
  Unreadable,
} from '../port.js';
import type { Archive } from './archive.js';
import { ArchivedPlace } from './archived-place.js';
import { digestOf } from './bytes.js';
import type { Standing } from './formats/framer.js';
import { type FileState, isSame, KnownFiles, type Task } from './known.js';
import { isParquet, openParquet } from './parquet.js';
import {
  FileFault,
  FileGone,
  type FilePlace,
  type FoundFile,
  type Listing,
  type OpenFile,
  type Trouble,
} from './places/place.js';
import type { Reading } from './readings.js';
import { Readiness } from './ready.js';
import { type Opened, openText } from './text-records.js';

export interface FilesOptions extends SourceEvents {
  readonly place: FilePlace;
  /** Where raw files are kept; undefined if they are not. */
  readonly archive?: Archive | undefined;
  readonly clock: Clock;
  /** Told how far it has come. */
  onReading?(reading: Reading): void;
}

/** Milliseconds between two places that are given to be saved: what is read again after a crash, at most. */
const SAVED_EVERY = 2_000;
/** Bytes at the beginning of a file by which it is known again when it has grown. */
const HEAD = 65_536;

/** Files of a folder or a bucket: each is read once, or as it grows, or all of them whenever one of them changes. */
export class FilesSource implements Source {
  readonly countsPages = false;
  readonly #endpoint: EndpointFrom<'files'>;
  readonly #config: EndpointOf<'files'>;
  readonly #options: FilesOptions;
  readonly #readiness: Readiness;
  readonly #context: Context;
  /** What was told already: it may hold of every run, and one line is enough. */
  readonly #told = new Set<string>();
  /** Files that were read to their end, and whose place is not saved yet. */
  #finished: FoundFile[] = [];

  constructor(endpoint: EndpointFrom<'files'>, options: FilesOptions) {
    this.#endpoint = endpoint;
    this.#config = endpoint.config;
    this.#options = options;
    this.#readiness = new Readiness(endpoint.config, options.clock);
    this.#context = contextOf(endpoint);
  }

  async *pages({ place: saved, lost, attended = false, signal }: PageRequest): AsyncGenerator<Page, void, undefined> {
    const known = new KnownFiles(saved);
    const run = new Run(known, this.#options.clock);
    this.#finished = [];
    if (saved === undefined && !attended) yield* this.#goneBy(lost, run, signal);
    for (let look = 1; ; look++) {
      const listing = await this.#list(this.#options.place, signal);
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
        this.#tellOnce(
          `${file.name} was read, and cannot be moved: ${describeError(error)}; the next poll tries again`,
        );
      });
    }
  }

  async describe(signal: AbortSignal): Promise<Description> {
    const { place } = this.#options;
    const listing = await this.#list(place, signal);
    const { ready } = this.#readiness.sort(listing);
    const [first] = this.#chosen(ready);
    const bytes = listing.files.reduce((sum, { size }) => sum + size, 0);
    const name = `${listing.files.length} files of ${place.shown}`;
    if (first === undefined) return { name, columns: [], key: [], bytes };
    const opened = await place.open(first, signal);
    try {
      const { columns = [] } = await this.#readingOf(opened, undefined, signal);
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

  /**
   * For a poll of everything: what was moved away is read again where it is now; what the broker may have lost, and is not there any more, is
   * read in the archive. No place is given before all of it is.
   */
  async *#goneBy(lost: Place | undefined, run: Run, signal: AbortSignal): AsyncGenerator<Page, void, undefined> {
    const { archive, place } = this.#options;
    const { deletes, newest } = this.#config;
    const before = new Run(new KnownFiles(undefined), this.#options.clock);
    const moved = await place.moved(signal);
    const files = moved === undefined ? [] : (await this.#list(moved, signal)).files;
    // Where each file holds everything, one that is gone counts no more.
    if (lost !== undefined && archive !== undefined && deletes?.missing !== true && !newest) {
      const { files: there } = await this.#list(place, signal);
      const names = new Set(there.map(({ name }) => name));
      const known = new KnownFiles(lost);
      const copies = new ArchivedPlace(archive, known.archived(), there, files);
      const tail = this.#config.append ? ', which lacks what was appended after its first poll,' : '';
      for (const file of copies.files) {
        const told = `RabbitMQ may have lost records of it, and it is gone or another by now: its copy in the archive${tail} is read`;
        this.#options.onDoubt(`${this.#where(file.name)}: ${told}`);
        yield* this.#past(copies, file, before, signal);
        const state = known.get(file.name);
        // It stays known: the broker may lose it once more.
        if (state !== undefined && !names.has(file.name)) run.known.set({ ...state, done: true });
      }
    }
    const { marker } = this.#config;
    for (const file of files.toSorted(byTime)) {
      if (moved === undefined || (marker !== undefined && isMarker(file.name, marker))) continue;
      yield* this.#past(moved, file, before, signal);
    }
    run.inputs.push(...before.inputs);
    run.hasRead ||= before.hasRead;
    this.#finished = [];
  }

  async *#past(
    place: Pick<FilePlace, 'open'>,
    file: FoundFile,
    before: Run,
    signal: AbortSignal,
  ): AsyncGenerator<Page, void, undefined> {
    for await (const page of this.#file(place, file, before, true, signal)) yield { ...page, place: undefined };
  }

  /** Files in the order of their times; of those that each hold everything, the newest. */
  #chosen(files: readonly FoundFile[]): readonly FoundFile[] {
    const sorted = files.toSorted(byTime);
    const stems = new Map<string, string>();
    for (const { name } of sorted) {
      const stem = name.replace(/\.(gz|gzip|zst|zstd)$/i, '');
      const other = stems.get(stem);
      if (other !== undefined)
        this.#tellOnce(`${other} and ${name} differ in their compression only, and both are read`);
      stems.set(stem, name);
    }
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
    const task = await this.#resolved(opened, asked, signal);
    if (task.do === 'nothing') {
      const before = run.known.get(name);
      if (before !== undefined) run.known.set({ ...before, ...file });
      return;
    }
    if (task.do === 'read' && task.why !== undefined) this.#options.onDoubt(`${this.#where(name)}: ${task.why}`);
    const before = task.do === 'continue' ? task.state : undefined;
    const from: Standing | undefined = task.do === 'continue' && task.state.at > 0 ? task.from : undefined;
    const head = this.#config.append ? await headOf(opened, file.size, signal) : undefined;
    // Before anything else: what was read must be there as it came, whatever becomes of the records.
    const archived =
      isLook || this.#options.archive === undefined
        ? undefined
        : (before?.archived ?? (await this.#options.archive.keep(opened, this.#options.clock.now(), signal)).at);
    const reading = await this.#readingOf(opened, from, signal);
    for (const doubt of reading.doubts) this.#tellOnce(`${this.#where(name)}: ${doubt}`);
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

  /** What is to be done, where that depends on what the file holds. */
  async #resolved(
    opened: OpenFile,
    task: Task,
    signal: AbortSignal,
  ): Promise<Exclude<Task, { do: 'compare' | 'follow' }>> {
    if (task.do === 'compare') {
      const isSame = (await digestOf(opened, signal)) === task.sha256;
      return isSame
        ? { do: 'nothing' }
        : { do: 'read', why: 'it is another than the one of its name that was read: it is read anew' };
    }
    if (task.do !== 'follow') return task;
    const { head } = task.state;
    const begins = head === undefined ? undefined : await headOf(opened, head.bytes, signal);
    if (begins !== undefined && begins.sha256 === head?.sha256) return { ...task, do: 'continue' };
    return {
      do: 'read',
      why: 'it no longer begins as it did: it is another file, and is read from its beginning. Lines that were added to the one before since the last poll may not have been read',
    };
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
    this.#options.onReading?.({ file, ahead, waiting: waiting.length, refused: troubles.length });
  }

  #refuse(run: Run, trouble: Trouble): void {
    const { name, code, reason } = trouble;
    run.troubles.push(trouble);
    run.inputs.push({ name, outcome: 'refused', reason });
    this.#tellOnce(`${this.#where(name)} (${code}): ${reason}`);
  }

  #where(name: string): string {
    return `${this.#endpoint.id}: the file ${name} of ${this.#options.place.shown}`;
  }

  #tellOnce(doubt: string): void {
    if (this.#told.has(doubt) || this.#told.size > MOST_TOLD) return;
    this.#told.add(doubt);
    this.#options.onDoubt(doubt);
  }

  async #list(place: FilePlace, signal: AbortSignal): Promise<Listing> {
    try {
      return await place.list(signal);
    } catch (error) {
      throw signal.aborted ? error : this.#named(error);
    }
  }

  #named(cause: unknown): unknown {
    if (!(cause instanceof RetryableError || cause instanceof FatalError)) return cause;
    const message = `${this.#endpoint.id}: ${cause.message}`;
    return cause instanceof FatalError ? new FatalError(cause.code, message) : new RetryableError(cause.code, message);
  }
}

/** Whether a file was read to its end as it is now. */
function isRead(known: KnownFiles, file: FoundFile): boolean {
  const state = known.get(file.name);
  return state?.done === true && state.refused !== true && isSame(state, file);
}

/** Of two markers of one name, the second has a number behind it where they were moved to. */
const isMarker = (name: string, marker: string): boolean => name.replace(/\.\d+$/, '').endsWith(marker);

/** A folder of broken files must not fill the memory with what was told. */
const MOST_TOLD = 10_000;

/** What one run does, as far as it has come. */
class Run {
  readonly known: KnownFiles;
  readonly inputs: Input[] = [];
  readonly troubles: Trouble[] = [];
  /** Files that are to be looked into after the one that is being read. */
  ahead = 0;
  /** Files that are still being written. */
  waiting: readonly string[] = [];
  hasRead = false;
  readonly #clock: Clock;
  #savedAt: number;

  constructor(known: KnownFiles, clock: Clock) {
    this.known = known;
    this.#clock = clock;
    this.#savedAt = clock.monotonic();
  }

  /** Whether it is time to save the place. */
  isDue(): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#savedAt < SAVED_EVERY) return false;
    this.#savedAt = now;
    return true;
  }
}

/** What records hold of the file that they are from, where a field or an expression asks for it. */
interface Context {
  add(records: readonly unknown[], numbers: readonly number[], file: FoundFile): void;
}

function contextOf({ entity, config }: EndpointFrom<'files'>): Context {
  const asked = JSON.stringify([entity.config.fields, config.map, config.where, config.deletes?.when]);
  const [file, line, modified] = [CONTEXT.file, CONTEXT.line, CONTEXT.modified].map((name) => asked.includes(name));
  if (!file && !line && !modified) return { add: () => {} };
  return {
    add(records, numbers, { name, modified: time }) {
      const when = new Date(time).toISOString();
      for (const [index, record] of records.entries()) {
        if (typeof record !== 'object' || record === null || record instanceof Unreadable || Array.isArray(record))
          continue;
        if (file) Reflect.set(record, CONTEXT.file, name);
        if (line) Reflect.set(record, CONTEXT.line, numbers[index]);
        if (modified) Reflect.set(record, CONTEXT.modified, when);
      }
    },
  };
}

const NAMES = new Intl.Collator('en', { numeric: true });

const byTime = (a: FoundFile, b: FoundFile): number => a.modified - b.modified || NAMES.compare(a.name, b.name);

async function headOf(opened: OpenFile, size: number, signal: AbortSignal) {
  const bytes = Math.min(HEAD, size);
  const head = await opened.read(0, bytes, signal);
  return { bytes, sha256: createHash('sha256').update(head).digest('hex') };
}
