import { ExactNumber } from '../records/json.js';

/** A placeholder that a value was filled in from, and the value. */
export interface Origin {
  /** As it stands in the file, such as `${API_TOKEN}`. */
  readonly placeholder: string;
  readonly value: string;
  /** Where the value begins in the text that it was filled into. */
  readonly at: number;
  /** Whether the place or the name that it comes from says that it is secret. */
  readonly isSecret: boolean;
}

interface WrittenOptions {
  /** What stood in the file before placeholders were filled in. */
  readonly template?: string;
  readonly origins?: readonly Origin[];
}

/**
 * A single value of the file as it is written, before the schema has said what is expected there. YAML alone would take
 * `00712345` for 712345, `1.10` for 1.1 and a number of twenty digits for another one, also where text is expected.
 */
export class Written {
  /** Every character that was written, or came from a variable. */
  readonly text: string;
  /** What it is where anything may stand. */
  readonly meant: unknown;
  readonly template: string | undefined;
  readonly origins: readonly Origin[];

  constructor(text: string, meant: unknown, { template, origins = [] }: WrittenOptions = {}) {
    this.text = text;
    this.meant = meant;
    this.template = template;
    this.origins = origins;
  }

  /** The number that the text is; undefined if it is none. */
  get number(): number | undefined {
    if (typeof this.meant === 'number') return this.meant;
    return /^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$/.test(this.text) ? Number(this.text) : undefined;
  }

  /** The truth value that the text is; undefined if it is none. */
  get truth(): boolean | undefined {
    const [, yes] = /^(?:(true|True|TRUE)|false|False|FALSE)$/.exec(this.text) ?? [undefined, null];
    return yes === null ? undefined : yes !== undefined;
  }
}

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * What a text without quotes means where anything may stand, as in a request's body: a number only if it is one with every digit,
 * so that it can be sent as it is written. `00712345` and `+4930` are text, as a number would be sent without its beginning.
 *
 * @param yaml what YAML takes it for; the text itself where it came from a variable
 */
export function meaningOf(text: string, yaml: unknown): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  if (JSON_NUMBER.test(text)) return String(Number(text)) === text ? Number(text) : new ExactNumber(text);
  if (typeof yaml !== 'number') return yaml;
  return /^[-+]?0\d|^\+/.test(text) || !Number.isFinite(yaml) ? text : yaml;
}
