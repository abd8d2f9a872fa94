import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { FatalError, type Logger, type PipelineConfig, PoisonError, ReleaseList, systemClock } from '@tributary/shared';
import { type Actor, AuditLog, DEFAULT_AUDIT_LOG } from '../../audit/audit.js';
import { Broker } from '../broker.js';
import { DeadLetters } from '../dead-letters.js';
import type { WholeLetter } from '../letter.js';
import { Listing } from '../listing.js';
import type { ErasedLetters, LettersOfRecord } from '../record-letters.js';
import type { RecordName } from '../whose.js';
import { checkDeadLetterRequest, type DeadLetterRequest } from './request.js';
import { describeActed, describeLetter, describeList, describeProspect } from './words.js';

export interface DeadLetterCommandOptions {
  readonly config: PipelineConfig;
  readonly amqpUrl: string | undefined;
  /** Needed for letters whose body is kept in Postgres. */
  readonly postgresUrl?: string | undefined;
  /** The file in which everything that is done is written down; ./audit/actions.jsonl unless given. */
  readonly auditLog?: string | undefined;
  /** The person at the shell, who may do anything there; the audit log says who it was. */
  readonly actor: Actor;
  readonly log: Logger;
  /** Takes what the command answers. */
  readonly write: (text: string) => void;
  /** Ends the command early; a letter that is being sent or removed is finished. */
  readonly signal: AbortSignal;
}

/** What it takes to reach the letters. */
export type Reaching = Omit<DeadLetterCommandOptions, 'write'>;

/** Milliseconds to wait for RabbitMQ. */
const CONNECT_TIMEOUT = 10_000;

const NO_BROKER =
  'AMQP_URL is not set; set it to something like amqp://user:password@127.0.0.1:5672. ' +
  'Where npm start keeps the queues in memory, only its dashboard shows the dead letters';

/**
 * Lists, shows, replays or discards dead letters for a person at a shell.
 *
 * @throws Error for a request that makes no sense (see checkDeadLetterRequest); FatalError if there is no letter of that id,
 *   or if a mended record is not valid; RetryableError if RabbitMQ is away
 */
export async function runDeadLetterCommand(
  request: DeadLetterRequest,
  options: DeadLetterCommandOptions,
): Promise<void> {
  checkDeadLetterRequest(request);
  const { write } = options;
  await withDeadLetters(options, async (deadLetters) => {
    const listing = new Listing(deadLetters, systemClock);
    const tell = (words: string) => {
      if (!request.json) write(words);
    };
    const { found, words } = await run(request, deadLetters, listing, tell, options);
    write(request.json ? `${JSON.stringify(found)}\n` : words);
  });
}

/** The letters of a record, for a person at a shell. @throws as {@link runDeadLetterCommand} */
export const lettersOfRecord = (of: RecordName, options: Reaching): Promise<LettersOfRecord> =>
  withDeadLetters(options, (deadLetters) => deadLetters.ofRecord(of, options.signal));

/**
 * Removes the letters of a record for good; the audit log tells how many there were, and nothing of what they held.
 * @param erased stands for the key in the audit log
 * @throws as {@link runDeadLetterCommand}
 */
export const eraseLettersOfRecord = (
  of: RecordName,
  erased: string,
  reason: string,
  options: Reaching,
): Promise<ErasedLetters> =>
  withDeadLetters(options, async (deadLetters, audit) => {
    const detail = { entity: of.entity, erased, reason, place: 'dead letters' };
    return await deadLetters.erase(of, await audit.begin(options.actor, 'erase', detail), options.signal);
  });

/** @throws as {@link runDeadLetterCommand} */
export async function withDeadLetters<T>(
  { config, amqpUrl, postgresUrl, auditLog, log, signal }: Reaching,
  work: (deadLetters: DeadLetters, audit: AuditLog, broker: Broker) => Promise<T>,
): Promise<T> {
  if (!amqpUrl) throw new FatalError('amqp_url_missing', NO_BROKER);
  const releases = new ReleaseList();
  try {
    const broker = new Broker({ urls: amqpUrl, connectionName: 'tributary dead-letters', log });
    await broker.open();
    releases.add('the RabbitMQ connection', () => broker.close());
    const until = systemClock.now() + CONNECT_TIMEOUT;
    while (!broker.connected && systemClock.now() < until && !signal.aborted) await systemClock.sleep(50, signal);
    const audit = new AuditLog(auditLog || DEFAULT_AUDIT_LOG, systemClock, config.name);
    releases.add('the audit log', () => audit.close());
    return await work(new DeadLetters({ config, broker, audit, clock: systemClock, postgresUrl }), audit, broker);
  } finally {
    await releases.release().catch(() => {});
  }
}

/** What a command answers: for programs, and for people. */
interface Answer {
  readonly found: unknown;
  readonly words: string;
}

async function run(
  { command, match, limit, reason, payload, forget }: DeadLetterRequest,
  deadLetters: DeadLetters,
  listing: Listing,
  tell: (words: string) => void,
  { actor, signal }: Reaching,
): Promise<Answer> {
  switch (command) {
    case 'list': {
      const page = await listing.page(match, { offset: 0, limit }, signal);
      return { found: page, words: describeList(page) };
    }
    case 'show': {
      const letter = await find(match.id ?? '', listing, signal);
      return { found: letter, words: describeLetter(letter) };
    }
    case 'replay': {
      const { id, ...criteria } = match;
      if (id === undefined) {
        tell(describeProspect(await listing.page(criteria, { offset: 0, limit: 1 }, signal)));
        const acted = await deadLetters.replayAll(criteria, actor, signal);
        return { found: acted, words: describeActed('replayed', acted) };
      }
      const letter = await find(id, listing, signal);
      const body = payload === undefined ? undefined : await readMended(payload, letter, deadLetters);
      const acted = await deadLetters.replay({ id, queue: letter.letter.queue }, actor, signal, body);
      return { found: acted, words: describeActed('replayed', acted) };
    }
    case 'discard': {
      const acted = await deadLetters.discard(match, reason, actor, signal, forget ? 'forget' : 'keep');
      if (match.id !== undefined && acted.done === 0) throw gone(match.id);
      return { found: acted, words: describeActed('discarded', acted) };
    }
  }
}

async function find(id: string, listing: Listing, signal: AbortSignal): Promise<WholeLetter> {
  const found = await listing.find(id, signal);
  if (found === undefined) throw gone(id);
  return found;
}

/** @throws FatalError if the consumer would not take the record */
async function readMended(file: string, found: WholeLetter, deadLetters: DeadLetters): Promise<string> {
  const body = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  try {
    deadLetters.validate(found.letter.entity, Buffer.from(body));
  } catch (error) {
    if (!(error instanceof PoisonError)) throw error;
    throw new FatalError(error.code, `not sent: ${error.message}`);
  }
  return body;
}

const gone = (id: string) =>
  new FatalError('not_found', `no dead letter has the id "${id}": it was replayed or discarded`);
