import type { Row } from '@tributary/shared';
import type { Incoming } from '../intake/decode.js';
import type { Delivery } from '../intake/settle.js';
import type { Ledger, Verdict } from '../ledger/port.js';
import type { LandedRows, Sink } from '../sinks/port.js';

/** A row that this writer has claimed. */
export interface ClaimedRow {
  readonly row: Row;
  /** A writer that died had already written it: it is only committed. */
  readonly landed: boolean;
}

/** An incoming record whose row is new, and claimed. */
export interface Claimed extends Incoming {
  readonly claim: ClaimedRow;
}

/** Dead writers whose landed rows are remembered. A set may hold the rows of a few parts. */
const REMEMBERED_WRITERS = 8;

/** Asks the ledger, and where a dead writer held a row, its output: the rest of the path sees only rows of its own. */
export class Claims {
  /** The output of a dead writer does not change any more, so it is read once. */
  readonly #landed = new Map<string, Promise<LandedRows>>();
  readonly #kept = new WeakMap<Delivery, ClaimedRow>();

  constructor(
    private readonly ledger: Ledger,
    private readonly sink: Sink,
    private readonly onTakeOver: (writer: string) => void,
  ) {}

  /** @returns for each row its verdict, and for accepted ones whether they had landed */
  async claim(dataset: string, rows: readonly Row[]): Promise<{ verdict: Verdict; landed: boolean }[]> {
    const verdicts = rows.length === 0 ? [] : await this.ledger.claim(dataset, rows);
    const judged: { verdict: Verdict; landed: boolean }[] = [];
    for (const [index, verdict] of verdicts.entries()) {
      const row = rows[index];
      const inDoubt = verdict.takenFrom !== undefined && row !== undefined;
      judged.push({ verdict, landed: inDoubt && (await this.#hasLanded(row, verdict)) });
    }
    return judged;
  }

  /** The row of this record stays claimed while its delivery waits to be merged. */
  keep({ delivery, claim }: Claimed): void {
    this.#kept.set(delivery, claim);
  }

  kept(delivery: Delivery): ClaimedRow | undefined {
    return this.#kept.get(delivery);
  }

  async #hasLanded(row: Row, { takenFrom = [], takenOrders = [] }: Verdict): Promise<boolean> {
    for (const writer of takenFrom) {
      let landed = this.#landed.get(writer);
      if (landed === undefined) {
        this.onTakeOver(writer);
        landed = this.sink.takeOver(writer);
        this.#landed.set(writer, landed);
        const [oldest] = this.#landed.keys();
        if (this.#landed.size > REMEMBERED_WRITERS && oldest !== undefined) this.#landed.delete(oldest);
        // A sink that is away now may be there when the row is asked for again.
        landed.catch(() => this.#landed.delete(writer));
      }
      const rows = await landed;
      if (takenOrders.some((order) => rows.has({ ...row, order }))) return true;
    }
    return false;
  }
}

/** What becomes of each incoming record; the caller settles those that need no row. */
export interface Deduplicated {
  readonly fresh: readonly Claimed[];
  /** Claimed before, and to be merged once more. */
  readonly kept: readonly Claimed[];
  readonly duplicates: readonly Incoming[];
  readonly stale: readonly Incoming[];
  /** Another consumer that lives has this row, or the same content, in flight. */
  readonly busy: readonly Incoming[];
}

export async function dedupe(incoming: readonly Incoming[], dataset: string, claims: Claims): Promise<Deduplicated> {
  const kept: Claimed[] = [];
  const asking: Incoming[] = [];
  for (const one of incoming) {
    const claim = claims.kept(one.delivery);
    if (claim === undefined) asking.push(one);
    else kept.push({ ...one, claim });
  }
  const rows = asking.map(({ row }) => row);
  const judged = await claims.claim(dataset, rows);
  const fresh: Claimed[] = [];
  const duplicates: Incoming[] = [];
  const stale: Incoming[] = [];
  const busy: Incoming[] = [];
  for (const [index, one] of asking.entries()) {
    const { verdict, landed } = judged[index] ?? {};
    if (verdict?.kind === 'accept') fresh.push({ ...one, claim: { row: one.row, landed: landed === true } });
    else if (verdict?.kind === 'duplicate') duplicates.push(one);
    else if (verdict?.kind === 'stale') stale.push(one);
    else busy.push(one);
  }
  return { fresh, kept, duplicates, stale, busy };
}
