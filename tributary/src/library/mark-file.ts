import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type OutputEvidence, stillHolds, takeEvidence } from '@tributary/consumer';
import type { SavedMarks } from '@tributary/producer';
import { datasetsOf, isMapping, type PipelineConfig, readText, replaceFile } from '@tributary/shared';

/** Marks that were reached with the same output. */
interface Group {
  readonly output: OutputEvidence;
  /** By endpoint. */
  readonly marks: Readonly<Record<string, string>>;
}

interface Content {
  readonly time: number;
  readonly groups: readonly Group[];
  readonly paused?: NonNullable<SavedMarks['paused']>;
}

/**
 * How far the endpoints came, kept beside the rows: `<output>/.tributary/marks/<pipeline>.json`. A mark is worth only as much as
 * the output that holds what came before it. So each counts only while the output holds all that it held then: a person may
 * have emptied the folder, deleted parts or rows, or put an older copy there.
 */
export class MarkFile {
  readonly #directory: string;
  readonly #datasets: readonly string[];
  readonly #path: string;
  /** What was read and still counts. */
  #valid: readonly Group[] = [];

  /** @param directory of the rows */
  constructor(directory: string, config: PipelineConfig) {
    this.#directory = directory;
    this.#datasets = datasetsOf(config).map(({ name }) => name);
    this.#path = join(directory, '.tributary', 'marks', `${config.name}.json`);
  }

  /**
   * The marks that still count; none if there is no file, or it cannot be read: then everything is polled. To be called before
   * a consumer begins with the output, which forgets what was missing there.
   */
  async read(): Promise<SavedMarks> {
    const { time, groups, paused } = contentOf(await readText(this.#path).catch(() => ''));
    const valid: Group[] = [];
    for (const group of groups) if (await stillHolds(this.#directory, group.output)) valid.push(group);
    this.#valid = valid;
    const marks = valid.flatMap((group) => Object.entries(group.marks));
    return { time, endpoints: Object.fromEntries(marks.toReversed()), ...(paused && { paused }) };
  }

  /**
   * Keeps marks of which every record is durable, or is known to need no row.
   * @param withheld endpoints of which something may be missing: their older marks stay
   */
  async write({ time, endpoints, paused }: SavedMarks, withheld: ReadonlySet<string>): Promise<void> {
    const output = await takeEvidence(this.#directory, this.#datasets);
    // Something was deleted while the round went on, and nothing tells which marks it was below.
    if (output === undefined) return await this.#forget();
    const reached = Object.entries(endpoints).filter(([id]) => !withheld.has(id));
    const replaced = new Set(reached.map(([id]) => id));
    const stay = this.#valid.flatMap((group): Group[] => {
      const marks = Object.entries(group.marks).filter(([id]) => !replaced.has(id));
      return marks.length === 0 ? [] : [{ ...group, marks: Object.fromEntries(marks) }];
    });
    const groups = [{ output, marks: Object.fromEntries(reached) }, ...stay];
    const content: Content = { time, groups, ...(paused && { paused }) };
    await mkdir(dirname(this.#path), { recursive: true });
    await replaceFile(this.#path, `${JSON.stringify(content, null, 2)}\n`);
    this.#valid = content.groups;
  }

  async #forget(): Promise<void> {
    this.#valid = [];
    await rm(this.#path, { force: true });
  }
}

const NOTHING: Content = { time: 0, groups: [] };

function contentOf(text: string): Content {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return NOTHING;
  }
  if (!isMapping(content) || typeof content.time !== 'number' || !Array.isArray(content.groups)) return NOTHING;
  const { time, groups, paused } = content;
  return { time, groups: groups.filter(isGroup), ...(isPaused(paused) && { paused }) };
}

const isPaused = (value: unknown): value is NonNullable<SavedMarks['paused']> =>
  isMapping(value) && Object.values(value).every((state) => isMapping(state) && typeof state.notBefore === 'number');

function isGroup(value: unknown): value is Group {
  if (!isMapping(value) || !isMapping(value.output) || !isMapping(value.marks)) return false;
  const { sink, parts } = value.output;
  const areMappings = isMapping(parts) && Object.values(parts).every(isMapping);
  return (
    typeof sink === 'string' && areMappings && Object.values(value.marks).every((mark) => typeof mark === 'string')
  );
}
