/** One line of the log: who did what, to what, when, and with what result. */
export interface AuditEntry {
  readonly at: string;
  /** Of which it was done; none for what belongs to no single one. */
  readonly pipeline?: string;
  readonly who: string;
  readonly role: string;
  readonly from: string;
  /** What was asked for: `replay`, `discard`, `run`, ... */
  readonly action: string;
  /** The same for all lines of one request. */
  readonly request: string;
  /** `begun`, `letter`, `done`, `failed`. */
  readonly step: string;
  /** What it was done to and why, in fields of the action's own. */
  readonly [detail: string]: unknown;
}
