/** Something that was concluded from what an API answered. It is written into the pipeline file with its reason. */
export interface Guess<T> {
  readonly value: T;
  /** What it was concluded from, in words for a person who reads the file. */
  readonly reason: string;
  /** Whether it was proved with the real source, or can hardly be otherwise. What is not is marked `unsure` in the file. */
  readonly isSure: boolean;
}

/** Settings of the pipeline file, as they are written there. */
export type Settings = Readonly<Record<string, unknown>>;
