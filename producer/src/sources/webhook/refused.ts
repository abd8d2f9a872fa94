/** What became of a request to the door, as it is counted. */
export type Outcome =
  | 'accepted'
  | 'challenge'
  | 'notified'
  | 'unsigned'
  | 'wrong_signature'
  | 'too_old'
  | 'from_the_future'
  | 'too_many'
  | 'too_large'
  | 'wrong_type'
  | 'unreadable'
  | 'unknown'
  | 'wrong_method'
  | 'not_now'
  | 'cut_off';

const STATUS = {
  unsigned: 401,
  wrong_signature: 401,
  too_old: 403,
  from_the_future: 403,
  too_many: 429,
  too_large: 413,
  wrong_type: 415,
  unreadable: 400,
  unknown: 404,
  wrong_method: 405,
  not_now: 503,
  cut_off: 400,
} as const satisfies Record<Exclude<Outcome, 'accepted' | 'challenge' | 'notified'>, number>;

export type RefusedOutcome = keyof typeof STATUS;

/** The door does not take a request. The words go to a sender that may be a stranger: they hold no secret and nothing of the inside. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly outcome: RefusedOutcome;
  /** Seconds until it is of use to send again; absent if it is of none. */
  readonly after: number | undefined;
  /** What only the log may tell. */
  readonly inside: string | undefined;

  constructor(outcome: RefusedOutcome, words: string, { after, inside }: { after?: number; inside?: string } = {}) {
    super(words);
    this.outcome = outcome;
    this.after = after;
    this.inside = inside;
  }

  get status(): number {
    return STATUS[this.outcome];
  }
}
