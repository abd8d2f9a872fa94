import { isClosing, type Row, readOrder, versionOrder } from '@tributary/shared';
import type { Incoming } from '../intake/decode.js';
import type { Delivery } from '../intake/settle.js';
import type { Ledger, Verdict } from '../ledger/port.js';
import { isRemerged } from '../merge/rows.js';
import type { LandedRows, Mark, Sink } from '../sinks/port.js';
import type { Refusal } from '../sinks/refused.js';

/** A row that this writer has claimed. */
export interface ClaimedRow {
  readonly row: Row;
  /** Whether it is durable already, here or in the output of a writer that died: then it is only committed. */
  landed: boolean;
  /** How far the output got with it: if the output goes back behind that, the ledger is not valid any more. */
  mark?: Mark | undefined;
  /** Whether the sink has refused it. */
  refused?: boolean;
  /** While it is being written: resolves when it is durable or refused, with what was refused of that write. */
  writing?: Promise<readonly Refusal[]> | undefined;
}

/** Rows of any datasets, in one list for each dataset: a write and a commit are of one dataset. */
export function rowsByDataset(groups: readonly (readonly ClaimedRow[])[]): Iterable<readonly ClaimedRow[]> {
  const datasets = new Map<string, ClaimedRow[]>();
  for (const group of groups) {
    for (const claimed of group) {
      const rows = datasets.get(claimed.row.dataset);
      if (rows === undefined) datasets.set(claimed.row.dataset, [claimed]);
      else rows.push(claimed);
    }
  }
  return datasets.values();
}

/** An incoming record whose row is new, and claimed. */
export interface ClaimedRecord extends Incoming {
  readonly claim: ClaimedRow;
}

/** Rows that the ledger has judged. */
export interface JudgedRows {
  /** In the order of the rows. */
  readonly verdicts: readonly Verdict[];
  /** The accepted rows that had landed already, in the output of a writer that died, each as it landed there. */
  readonly landed: ReadonlyMap<Row, ClaimedRow>;
}

/** The number of dead writers whose landed rows are remembered. Each set may hold the rows of a few parts. */
const REMEMBERED_WRITERS = 8;

export interface ClaimsOptions {
  readonly ledger: Pick<Ledger, 'claim'>;
  readonly sink: Pick<Sink, 'takeOver'>;
  /** Called with the name of a dead writer before its output is fenced and searched. */
  readonly onTakeOver: (writer: string) => void;
}

/**
 * Claims rows: asks the ledger, and where a dead writer held a row, that writer's output. The steps behind it see only rows
 * that this writer has claimed.
 */
export class Claims {
  readonly #options: ClaimsOptions;
  /** The output of a fenced writer never changes again, so it is read once. */
  readonly #landed = new Map<string, Promise<LandedRows>>();
  readonly #kept = new WeakMap<Delivery, ClaimedRow>();
  /** By dataset, key, hash and order, the oldest first; see {@link held}. */
  readonly #held = new Map<string, ClaimedRow>();

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  async claim(dataset: string, rows: readonly Row[]): Promise<JudgedRows> {
    const verdicts = rows.length === 0 ? [] : await this.#options.ledger.claim(dataset, rows);
    const landed = new Map<Row, ClaimedRow>();
    let at = 0;
    for (const row of rows) {
      const verdict = verdicts[at++];
      const found = verdict?.takenFrom === undefined ? undefined : await this.#findLanded(row, verdict);
      if (found !== undefined) landed.set(row, found);
    }
    return { verdicts, landed };
  }

  /** Remembers that the row of this record stays claimed while its delivery waits to be merged. */
  keep({ delivery, claim }: ClaimedRecord): void {
    this.#kept.set(delivery, claim);
  }

  kept(delivery: Delivery): ClaimedRow | undefined {
    return this.#kept.get(delivery);
  }

  /** Remembers a merged row that this writer has claimed, until it is durable, if the ledger may say `held` of it. */
  hold(claimed: ClaimedRow): void {
    for (const [id, one] of this.#held) {
      if (isOpen(one)) break;
      this.#held.delete(id);
    }
    const { row } = claimed;
    if (isClosing(row) || isRemerged(row.order)) this.#held.set(idOf(row), claimed);
  }

  /**
   * The merged row that this writer has claimed for one record, or in a remerge, when another record asks for it too: for the other
   * side, say. If this writer dies, the first may not bring it again: once no line points from one side to the other any more, it
   * does not make the tombstone, and in a remerge there is no message at all. So the second has to make it durable as well.
   * @returns undefined if the row is not known here yet, or not any more: the record has to ask again
   */
  held(row: Row): ClaimedRow | undefined {
    const found = this.#held.get(idOf(row));
    return found?.refused === true ? undefined : found;
  }

  async #findLanded(row: Row, { takenFrom = [], takenOrders = [] }: Verdict): Promise<ClaimedRow | undefined> {
    for (const writer of takenFrom) {
      const rows = await this.#landedOf(writer);
      const order = takenOrders.find((one) => rows.has({ ...row, order: one }));
      if (order !== undefined)
        return { row: rowOfOrder(row, order), landed: true, mark: rows.markOf({ ...row, order }) };
    }
    return undefined;
  }

  #landedOf(writer: string): Promise<LandedRows> {
    const known = this.#landed.get(writer);
    if (known !== undefined) return known;
    this.#options.onTakeOver(writer);
    const landed = this.#options.sink.takeOver(writer);
    this.#landed.set(writer, landed);
    const [oldest] = this.#landed.keys();
    if (this.#landed.size > REMEMBERED_WRITERS && oldest !== undefined) this.#landed.delete(oldest);
    // A sink that is away now may be there when the row is asked for again.
    landed.catch(() => this.#landed.delete(writer));
    return landed;
  }
}

/**
 * A record's row as another message of the same content brought it, maybe under another version. What is merged with it has to tell of that
 * message: told by the one that asks, the merged rows would be newer than the row that is there, and once Redis was lost nothing would say
 * that it is the same. A merged row tells of several records, and none is merged with it.
 */
function rowOfOrder(row: Row, order: string): Row {
  if (order.includes('\t')) return row;
  const landed = readOrder(order);
  const isSame = order.startsWith(versionOrder(row.version, ''));
  return { ...row, order, messageId: landed.messageId, version: isSame ? row.version : landed.version };
}

const isOpen = ({ landed, refused = false }: ClaimedRow): boolean => !landed && !refused;

const idOf = ({ dataset, key, hash, order }: Row): string => `${dataset}\n${key}\n${hash}\n${order}`;

/** What becomes of each incoming record; the caller settles those that need no row. */
export interface Deduplicated {
  readonly fresh: readonly ClaimedRecord[];
  /** Claimed before, and to be merged once more. */
  readonly kept: readonly ClaimedRecord[];
  readonly duplicates: readonly Incoming[];
  readonly stale: readonly Incoming[];
  /** Another consumer, which lives, has this row or the same content in flight. */
  readonly busy: readonly Incoming[];
}

export async function dedupe(incoming: readonly Incoming[], dataset: string, claims: Claims): Promise<Deduplicated> {
  const kept: ClaimedRecord[] = [];
  const asking: Incoming[] = [];
  const rows: Row[] = [];
  for (const one of incoming) {
    const claim = claims.kept(one.delivery);
    if (claim === undefined) {
      asking.push(one);
      rows.push(one.row);
    } else {
      kept.push(claimedAs(one, claim));
    }
  }
  const { verdicts, landed } = await claims.claim(dataset, rows);
  const judged = {
    accept: [] as Incoming[],
    duplicate: [] as Incoming[],
    stale: [] as Incoming[],
    busy: [] as Incoming[],
  };
  let at = 0;
  for (const one of asking) judged[OUTCOMES[verdicts[at++]?.kind ?? 'busy']].push(one);
  const fresh = judged.accept.map((one) => claimedAs(one, landed.get(one.row) ?? { row: one.row, landed: false }));
  return { fresh, kept, duplicates: judged.duplicate, stale: judged.stale, busy: judged.busy };
}

/** Field by field: to spread an object costs ten times as much, for each record. */
const claimedAs = ({ delivery, envelope, record, isKnown }: Incoming, claim: ClaimedRow): ClaimedRecord => ({
  delivery,
  envelope,
  record,
  row: claim.row,
  isKnown,
  claim,
});

/** What becomes of a record by the verdict on its row. No verdict but these is given on the row of a record. */
const OUTCOMES = {
  accept: 'accept',
  duplicate: 'duplicate',
  reformed: 'duplicate',
  stale: 'stale',
  busy: 'busy',
  held: 'busy',
} as const satisfies Readonly<Record<Verdict['kind'], string>>;
