import { count, describeError, FatalError, stringifyJson } from '@tributary/shared';

export interface SendOptions {
  readonly entity: string;
  /** The URL of any producer. */
  readonly producerUrl: string;
  readonly adminToken: string;
}

/** A record that was not taken. */
export interface NotTaken {
  /** Its place among those that were given, from 0. */
  readonly place: number;
  readonly error: string;
}

export interface Sent {
  /** Records that RabbitMQ has confirmed. */
  readonly accepted: number;
  readonly refused: readonly NotTaken[];
}

/** Records and bytes of a request, at most. */
const TOGETHER = 1_000;
const MOST_BYTES = 4 * 1024 * 1024;

/** How often a producer is asked again that cannot take records now, and the longest wait in between, in milliseconds. */
const ATTEMPTS = 5;
const LONGEST_WAIT = 10_000;

/**
 * Sends canonical records, each as one line of JSON, through the door of a producer. Resolves when RabbitMQ has confirmed those that are valid.
 * @param onSent called after each request
 * @throws FatalError if no producer answers, if it refuses, or if it cannot take records for long; what was sent before is confirmed
 */
export async function sendLines(
  lines: AsyncIterable<string> | Iterable<string>,
  options: SendOptions,
  onSent: (sent: Sent) => void = () => {},
): Promise<Sent> {
  let accepted = 0;
  const refused: NotTaken[] = [];
  let first = 0;
  let waiting: string[] = [];
  let bytes = 0;
  const flush = async () => {
    if (waiting.length === 0) return;
    const answer = await post(waiting, options);
    accepted += answer.accepted;
    refused.push(...answer.refused.map(({ place, error }) => ({ place: first + place, error })));
    onSent(answer);
    first += waiting.length;
    waiting = [];
    bytes = 0;
  };
  for await (const line of lines) {
    if (line.trim() === '') continue;
    waiting.push(line);
    bytes += line.length;
    if (waiting.length >= TOGETHER || bytes >= MOST_BYTES) await flush();
  }
  await flush();
  return { accepted, refused };
}

/**
 * Sends one canonical record. Resolves when RabbitMQ has confirmed it.
 * @throws FatalError as {@link sendLines}, and if the record is not valid
 */
export async function sendRecord(record: unknown, options: SendOptions): Promise<void> {
  const line = stringifyJson(record);
  if (line === undefined) throw new FatalError('record_refused', 'there is no record to send');
  const { refused } = await sendLines([line], options);
  const [fault] = refused;
  if (fault !== undefined) throw new FatalError('record_refused', `${fault.error}; it was not sent`);
}

async function post(lines: readonly string[], options: SendOptions): Promise<Sent> {
  for (let attempt = 1; ; attempt++) {
    const { status, answer, after, url } = await ask(lines, options);
    if (status === 200 || status === 422) return { accepted: answer.accepted ?? 0, refused: answer.refused ?? [] };
    const said = answer.error ?? '';
    if (status !== 503 || attempt >= ATTEMPTS) {
      const advice = status === 401 ? '; set ADMIN_TOKEN to the one that the producer was started with' : '';
      const what = `${count(lines.length, 'record')} of ${options.entity} ${lines.length === 1 ? 'was' : 'were'} not sent`;
      throw new FatalError('producer_refused', `${what}: ${url} answered ${status}: ${said}${advice}`);
    }
    await new Promise((resolve) => setTimeout(resolve, Math.min(after * 1_000, LONGEST_WAIT)));
  }
}

interface Answer {
  readonly accepted?: number;
  readonly refused?: readonly NotTaken[];
  readonly error?: string;
}

async function ask(lines: readonly string[], { entity, producerUrl, adminToken }: SendOptions) {
  const url = new URL(`/records/${encodeURIComponent(entity)}`, producerUrl);
  const headers: Record<string, string> = { 'content-type': 'application/x-ndjson' };
  if (adminToken !== '') headers.authorization = `Bearer ${adminToken}`;
  let response: Response;
  try {
    response = await fetch(url, { method: 'POST', headers, body: lines.join('\n') });
  } catch (cause) {
    const advice = 'is one running there? PRODUCER_URL names another';
    throw new FatalError('producer_away', `no producer answers at ${url.origin}: ${describeError(cause)}; ${advice}`);
  }
  const text = await response.text();
  const after = Number(response.headers.get('retry-after') ?? 1) || 1;
  return { status: response.status, answer: read(text), after, url: url.origin };
}

function read(text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    // The server there is not a producer; its own words are shown.
    return { error: text.slice(0, 200) };
  }
}
