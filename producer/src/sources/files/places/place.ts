/** A file as a listing shows it. */
export interface FoundFile {
  /** Below the folder or prefix that is listed, with `/` between. It names the file for people too. */
  readonly name: string;
  readonly size: number;
  /** When it was changed, in milliseconds since the epoch. */
  readonly modified: number;
  /** What else tells one file from another of its name: the inode, or the ETag. */
  readonly tag: string;
}

/** A file that is there and is not read. */
export interface Trouble {
  readonly name: string;
  /** For metrics: `unreadable`, `no_file`. */
  readonly code: string;
  /** In words: what it is, and what to do. */
  readonly reason: string;
}

export interface Listing {
  /** Those that the path matches. */
  readonly files: readonly FoundFile[];
  readonly troubles: readonly Trouble[];
  /** Whether a file of this name is there, matched or not: for markers. */
  has(name: string): boolean;
}

/** A file that is being read. It stays the one that was opened, if another is put in its place. */
export interface OpenFile {
  /** As it was when it was opened. */
  readonly file: FoundFile;
  /**
   * Bytes from an offset on: as many as are there, at most `length`; none behind the end.
   * @throws FileGone if the bytes of the file that was opened cannot be had any more
   */
  read(offset: number, length: number, signal: AbortSignal): Promise<Buffer>;
  /** What was done to the file since it was opened, in words; undefined if nothing was. To be called at its end. */
  changed(signal: AbortSignal): Promise<string | undefined>;
  close(): Promise<void>;
}

/** Where files lie: a folder of this machine, or a prefix of a bucket. */
export interface FilePlace {
  /** The folder or prefix, for people, without secrets. */
  readonly shown: string;
  /**
   * @throws RetryableError if the folder or bucket is not there or cannot be read
   * @throws FatalError if a person has to change something
   */
  list(signal: AbortSignal): Promise<Listing>;
  /** @throws FileGone if the file is not there (any more), or cannot be read */
  open(file: FoundFile, signal: AbortSignal): Promise<OpenFile>;
  /**
   * Moves a file away that was read, its marker first: a marker that stayed would say of the next file of the name that it is whole. One that
   * is gone by now is none to move, and one that was put in its place since is not read yet.
   * @param marker the ending of the marker's name, if files have one
   */
  move(file: FoundFile, marker: string | undefined, signal: AbortSignal): Promise<void>;
  /** What was moved away, for a poll of everything; none unless files are moved. */
  moved(signal: AbortSignal): Promise<FilePlace | undefined>;
}

/** A file cannot be read now; others can. */
export class FileGone extends Error {
  override readonly name = 'FileGone';
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** What is wrong with a file as a whole: it is not what its name or the settings say. */
export class FileFault extends Error {
  override readonly name = 'FileFault';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
