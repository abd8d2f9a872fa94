import type { AuditEntry } from './entry.js';

/** How an action ended; `open`: it still runs, or the dashboard ended during it. */
export const OUTCOMES = ['done', 'failed', 'open'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** All lines of the audit log that one request has, as one. */
export interface AuditAction {
  readonly request: string;
  /** When it was asked for, and when it ended; null if it has not. */
  readonly at: string;
  readonly endedAt: string | null;
  readonly who: string;
  readonly role: string;
  readonly from: string;
  readonly action: string;
  readonly outcome: Outcome;
  /** What it was done to and why, in fields of the action's own. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** Records that it was done to. */
  readonly records: number;
  /** The keys of some of them. */
  readonly keys: readonly string[];
  /** Records that stayed; null if none is told of. */
  readonly stayed: number | null;
  /** Why it failed, or what could not be done of it; null if nothing. */
  readonly why: string | null;
}

/** Which actions are meant: those that meet every criterion that is given. */
export interface ActionMatch {
  readonly who?: string | undefined;
  readonly action?: string | undefined;
  readonly outcome?: Outcome | undefined;
  /** Words that must all occur in what the action tells, in any letter case. */
  readonly search?: string | undefined;
}

/** Keys that an action shows, and those that it is found by. */
const MOST_KEYS = 5;
const MOST_SEARCHED = 100_000;

/** What the lines of one action told that have come so far. */
interface Gathering {
  records: number;
  /** The newest first. */
  readonly keys: string[];
  end: AuditEntry | undefined;
  why: string | null;
}

/** An action, and all keys that it can be found by. */
export interface GatheredAction {
  readonly action: AuditAction;
  readonly keys: readonly string[];
}

/** Puts lines together that come newest first: an action is whole when its first line has come, which is its oldest. */
export class ActionGatherer {
  readonly #open = new Map<string, Gathering>();

  /** @returns the action, if this is its first line */
  take(entry: AuditEntry): GatheredAction | undefined {
    const { request, step, key, why } = entry;
    const found = this.#open.get(request) ?? { records: 0, keys: [], end: undefined, why: null };
    if (step === 'begun') {
      this.#open.delete(request);
      return { action: actionOf(entry, found), keys: found.keys };
    }
    this.#open.set(request, found);
    if (step === 'done' || step === 'failed') found.end = entry;
    if (step === 'letter') {
      found.records += 1;
      if (typeof key === 'string' && found.keys.length < MOST_SEARCHED) found.keys.push(key);
    } else if (typeof why === 'string') found.why = why;
    return undefined;
  }
}

function actionOf(begun: AuditEntry, { records, keys, end, why }: Gathering): AuditAction {
  const { at, who, role, from, action, request, step: _step, pipeline: _pipeline, ...detail } = begun;
  const number = (value: unknown) => (typeof value === 'number' ? value : null);
  return {
    request,
    at,
    endedAt: end?.at ?? null,
    who,
    role,
    from,
    action,
    outcome: end === undefined ? 'open' : end.step === 'failed' ? 'failed' : 'done',
    detail,
    records: number(end?.done) ?? records,
    keys: keys.slice(0, MOST_KEYS),
    stayed: number(end?.stayed),
    why,
  };
}

export function matchesAction({ action, keys }: GatheredAction, match: ActionMatch): boolean {
  const { who, action: name, outcome, search = '' } = match;
  if (who !== undefined && action.who !== who) return false;
  if (name !== undefined && action.action !== name) return false;
  if (outcome !== undefined && action.outcome !== outcome) return false;
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = JSON.stringify([Object.values(action), keys]).toLowerCase();
  return words.every((word) => text.includes(word));
}
