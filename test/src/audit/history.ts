import { contentHash, type Dataset, type Payload, tombstoneHash } from '@tributary/shared';
import type { StoredRow } from './sinks/port.js';

/** What is kept of a stored row: little, for there may be millions. */
export interface Mark {
  readonly version: string;
  readonly messageId: string;
  /** The hash of what its cells say, whatever its own hash says. */
  readonly content: string;
  readonly deleted: boolean;
  readonly source: string;
  readonly line: number;
}

/** What the rows of one key come to, by the dataset's order. */
export interface KeyHistory {
  readonly key: string;
  readonly newest: Mark;
  /** Rows beyond the first of the same message, or of the same versions and content of both sides of the merge. */
  readonly again: readonly Mark[];
  /** Rows of other messages with the content of the row right before them. */
  readonly repeats: readonly { readonly before: Mark; readonly mark: Mark }[];
}

/** Every row of one dataset, by key. */
export class Histories {
  readonly #rows = new Map<string, Mark[]>();
  readonly #dataset: Dataset;

  constructor(dataset: Dataset) {
    this.#dataset = dataset;
  }

  /** @returns what was kept of it, and why its hash is wrong if it is */
  add(row: StoredRow): { readonly mark: Mark; readonly wrongHash: string | undefined } {
    const { key, version, messageId, deleted, source, line } = row;
    const content = contentOf(row, this.#dataset);
    const mark = { version, messageId, content: content ?? row.hash, deleted, source, line };
    const rows = this.#rows.get(key);
    if (rows === undefined) this.#rows.set(key, [mark]);
    else rows.push(mark);
    const wrongHash = content === row.hash || content === undefined ? undefined : `its cells hash to ${content}`;
    return { mark, wrongHash: row.fault ?? wrongHash };
  }

  *all(): Generator<KeyHistory> {
    for (const [key, rows] of this.#rows) yield this.#judge(key, rows);
  }

  get(key: string): KeyHistory | undefined {
    const rows = this.#rows.get(key);
    return rows === undefined ? undefined : this.#judge(key, rows);
  }

  #judge(key: string, rows: readonly Mark[]): KeyHistory {
    const ordered = rows
      .map((mark) => ({ mark, order: this.#dataset.orderOf(mark.version, mark.messageId) }))
      .sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0))
      .map(({ mark }) => mark);
    const seen = new Set<string>();
    const again: Mark[] = [];
    const repeats: { before: Mark; mark: Mark }[] = [];
    for (const [index, mark] of ordered.entries()) {
      const before = ordered[index - 1];
      const identities = this.#identitiesOf(mark);
      if (identities.some((identity) => seen.has(identity))) again.push(mark);
      else if (before !== undefined && before.content === mark.content) repeats.push({ before, mark });
      for (const identity of identities) seen.add(identity);
    }
    return { key, newest: ordered.at(-1) as Mark, again, repeats };
  }

  /**
   * What no two rows of a key may share. A merged row is one of two versions, however often these were fetched. A record
   * without a version, or that changes under one version, may come back to what it was.
   */
  #identitiesOf({ messageId, version, content }: Mark): string[] {
    const isOfTwoVersions = this.#dataset.entity === undefined && /^\S+ \S+$/.test(version);
    // A message that Tributary did not publish may have no id.
    return [...(messageId === '' ? [] : [messageId]), ...(isOfTwoVersions ? [`${version} ${content}`] : [])];
  }
}

/** The hash of a row's cells; undefined if the configuration does not know all of them. */
function contentOf({ key, values, version, deleted }: StoredRow, { hashedAs, entity }: Dataset): string | undefined {
  if (deleted) return entity === undefined ? contentHash(hashedAs, key, null) : tombstoneHash(hashedAs, key, version);
  return values === undefined ? undefined : contentHash(hashedAs, key, values satisfies Payload);
}
