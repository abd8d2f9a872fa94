import { compilePath, isMapping, type Path, parseJson } from '@tributary/shared';
import { CONTEXT } from '../port.js';
import { Refused } from './refused.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });

const JSON_TYPE = /^(application|text)\/([\w.+-]*\+)?(json|x-json)\s*(;|$)/i;
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(;|$)/i;

/**
 * What a body says.
 * @param payload the field of a form whose text is the event as JSON
 * @throws Refused
 */
export function readEvent(body: Buffer, type: string, payload: string | undefined): unknown {
  const text = textOf(body);
  if (FORM_TYPE.test(type)) return readForm(text, payload);
  // Some senders do not say what it is. What is not JSON is told as such.
  if (type === '' || JSON_TYPE.test(type)) return parse(text, 'the body');
  throw new Refused('wrong_type', 'expected application/json, or application/x-www-form-urlencoded');
}

/** Other bytes would become others, in silence. @throws Refused for what is no UTF-8 */
export function textOf(body: Buffer): string {
  try {
    return utf8.decode(body);
  } catch {
    throw new Refused('unreadable', 'the body is not UTF-8');
  }
}

function parse(text: string, what: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw new Refused('unreadable', `${what} is not JSON`);
  }
}

/** A name that comes several times is a list. It grows in place: copied for each value, half a million of one name held up the process for minutes. */
function readForm(text: string, payload: string | undefined): unknown {
  const form: Record<string, unknown> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    const before = form[name];
    if (Array.isArray(before)) before.push(value);
    else form[name] = before === undefined ? value : [before, value];
  }
  if (payload === undefined) return form;
  const held = form[payload];
  if (typeof held !== 'string') throw new Refused('unreadable', 'the form has no field with the event in it');
  return parse(held, 'the event in the form');
}

/** What a record of an event is told of the request that brought it. */
export interface Came {
  readonly headers: Readonly<Record<string, unknown>>;
  /** ISO 8601 in UTC. */
  readonly received: string;
}

/** Headers that hold a secret, or could: no record shows them. */
const SECRET_HEADER =
  /auth|cookie|token|secret|signature|hmac|key|pass|pwd|session|cred|jwt|csrf|bearer|oidc|saml|access|assertion|state|nonce|\b(sig|sign|signed|mac|otp|pin)\b/i;

export const shownHeaders = (headers: Readonly<Record<string, unknown>>, secret: string | undefined) =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => !SECRET_HEADER.test(name) && name !== secret?.toLowerCase()),
  );

/** Finds the records of an event: one, or a list. Each holds beside its own fields what else came (see CONTEXT). */
export class RecordsOfEvent {
  readonly #path: Path;
  readonly #items: string;

  constructor(items: string) {
    this.#items = items;
    this.#path = compilePath(items);
  }

  /** @throws Refused if they are not there, or are no records */
  of(event: unknown, { headers, received }: Came): unknown[] {
    const found = this.#path.read(event);
    if (found === undefined || found === null) {
      if (this.#path.mayBeMissing) return [];
      throw new Refused('unreadable', `no record lies at ${this.#items}`);
    }
    if (!Array.isArray(found) && !isMapping(found)) {
      throw new Refused('unreadable', `what lies at ${this.#items} is no record and no list of records`);
    }
    const context = { [CONTEXT.headers]: headers, [CONTEXT.received]: received };
    // Where the event is itself the record, there is nothing beside it.
    const beside = found === event ? context : { ...context, [CONTEXT.event]: event };
    return (Array.isArray(found) ? found : [found]).map((record: unknown) =>
      isMapping(record) ? Object.assign(Object.create(null), record, beside) : record,
    );
  }
}
