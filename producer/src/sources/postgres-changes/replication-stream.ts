import { type Clock, describeError, RetryableError } from '@tributary/shared';
import type { Client } from 'pg';
import { type Lsn, writeLsn } from './lsn.js';
import { type Message, parseMessage } from './pgoutput.js';
import { Session, type SessionOptions, type Streaming } from './session.js';

/** What came with the stream: a message, or up to where the log holds nothing more for us. */
export type Received =
  | { readonly kind: 'message'; readonly message: Message; readonly bytes: number }
  | { readonly kind: 'idle'; readonly upTo: Lsn };

/** Messages and bytes that wait before the server is left to wait. */
const MOST_WAITING = 50_000;
const MOST_BYTES = 32 * 1024 * 1024;

/**
 * How often the server is told how far we have come, after how long without a word it is asked for one, and after how long the connection is
 * given up, in milliseconds.
 */
const TELL_EVERY = 1_000;
const ASKED_AFTER = 5_000;
const SILENCE = 20_000;

const EPOCH = 946_684_800_000;

/**
 * The stream of a replication slot. The slot is confirmed by `confirm` alone: the client of `pg-logical-replication` confirms what it has
 * received, also if that is not durable anywhere.
 */
export class ReplicationStream {
  readonly #session: Session;
  readonly #connection: Streaming;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  #received: Received[] = [];
  #bytes = 0;
  #isHeld = false;
  #confirmed: Lsn;
  #seen: Lsn;
  #heardAt: number;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  private constructor(session: Session, clock: Clock, confirmed: Lsn) {
    this.#session = session;
    this.#connection = (session.client as Client & { readonly connection: Streaming }).connection;
    this.#clock = clock;
    this.#confirmed = confirmed;
    this.#seen = confirmed;
    this.#heardAt = clock.monotonic();
  }

  /**
   * Begins to stream.
   * @param from the place to stream from; where the slot stands, if that is behind it
   * @param confirmed what of the log the slot does not need any more
   * @throws what the driver throws, such as for a slot that is in use
   */
  static async open(
    options: Omit<SessionOptions, 'isReplication'>,
    {
      slot,
      publication,
      from,
      confirmed,
    }: { readonly slot: string; readonly publication: string; readonly from: Lsn; readonly confirmed: Lsn },
    clock: Clock,
  ): Promise<ReplicationStream> {
    const session = await Session.open({ ...options, isReplication: true });
    const stream = new ReplicationStream(session, clock, confirmed);
    try {
      await stream.#start(slot, publication, from);
    } catch (error) {
      await stream.close();
      throw error;
    }
    void stream.#tellOn();
    return stream;
  }

  /** Undefined while it streams. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * What has come since the last call; nothing after `wait` milliseconds without anything.
   * @throws RetryableError if the connection is lost and all that came before is taken
   */
  async take(wait: number, signal: AbortSignal): Promise<readonly Received[]> {
    if (this.#received.length === 0 && this.#failure === undefined) await this.#comes(wait, signal);
    signal.throwIfAborted();
    if (this.#received.length === 0 && this.#failure !== undefined) throw this.#failure;
    const taken = this.#received;
    this.#received = [];
    this.#bytes = 0;
    if (this.#isHeld) this.#connection.stream.resume();
    this.#isHeld = false;
    return taken;
  }

  /** All before this place is durable: the server may forget it. */
  confirm(lsn: Lsn): void {
    if (lsn <= this.#confirmed) return;
    this.#confirmed = lsn;
    this.#tell();
  }

  /** Never rejects. */
  async close(): Promise<void> {
    this.#over.abort();
    this.#failure ??= new RetryableError('stopping', 'the stream was closed');
    this.#wake();
    await this.#session.close();
  }

  async #start(slot: string, publication: string, from: Lsn): Promise<void> {
    const started = new Promise<void>((resolve) => this.#connection.once('replicationStart', resolve));
    this.#connection.on('copyData', ({ chunk }) => this.#take(chunk));
    this.#connection.on('end', () => this.#fail(new Error('the connection was closed')));
    const name = `"${publication.replaceAll('"', '""')}"`.replaceAll("'", "''");
    const command = `START_REPLICATION SLOT "${slot}" LOGICAL ${writeLsn(from)} (proto_version '1', publication_names '${name}')`;
    const ended = this.#session.query(command).then(() => {
      throw new Error('the server ended the stream');
    });
    ended.catch((error: unknown) => this.#fail(error));
    await Promise.race([started, ended]);
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure =
      error instanceof RetryableError
        ? error
        : new RetryableError('network', `the stream was lost: ${describeError(error)}`, { cause: error });
    this.#over.abort();
    this.#wake();
  }

  /** XLogData or a keepalive (Postgres manual, "Streaming Replication Protocol"). */
  #take(chunk: Buffer): void {
    this.#heardAt = this.#clock.monotonic();
    try {
      if (chunk[0] === 0x77) {
        this.#seen = larger(this.#seen, chunk.readBigUInt64BE(1));
        // What is read here is read at once: the driver uses its buffer again.
        this.#add({ kind: 'message', message: parseMessage(chunk.subarray(25)), bytes: chunk.length });
      } else if (chunk[0] === 0x6b) {
        const upTo = chunk.readBigUInt64BE(1);
        this.#seen = larger(this.#seen, upTo);
        this.#add({ kind: 'idle', upTo });
        if (chunk[17] === 1) this.#tell();
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #add(received: Received): void {
    const last = this.#received.at(-1);
    if (received.kind === 'idle' && last?.kind === 'idle') this.#received.pop();
    this.#received.push(received);
    this.#bytes += received.kind === 'message' ? received.bytes : 0;
    if (!this.#isHeld && (this.#received.length >= MOST_WAITING || this.#bytes >= MOST_BYTES)) {
      this.#isHeld = true;
      this.#connection.stream.pause();
    }
    this.#wake();
  }

  async #comes(wait: number, signal: AbortSignal): Promise<void> {
    const come = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const over = new AbortController();
    await Promise.race([come, this.#clock.sleep(wait, AbortSignal.any([signal, over.signal]))]);
    over.abort();
  }

  async #tellOn(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      await this.#clock.sleep(TELL_EVERY, signal);
      if (signal.aborted) return;
      const silence = this.#clock.monotonic() - this.#heardAt;
      // While it is left to wait, it cannot be heard.
      if (this.#isHeld) this.#heardAt = this.#clock.monotonic();
      else if (silence > SILENCE) this.#fail(new Error(`the server has said nothing for ${SILENCE / 1_000} s`));
      this.#tell(silence > ASKED_AFTER);
    }
  }

  /** @param asks whether the server has to answer */
  #tell(asks = false): void {
    if (this.#failure !== undefined) return;
    const update = Buffer.alloc(34);
    update[0] = 0x72;
    update.writeBigUInt64BE(larger(this.#seen, this.#confirmed), 1);
    update.writeBigUInt64BE(this.#confirmed, 9);
    update.writeBigUInt64BE(this.#confirmed, 17);
    update.writeBigInt64BE(BigInt(Math.round(this.#clock.now() - EPOCH)) * 1_000n, 25);
    update[33] = asks ? 1 : 0;
    this.#connection.sendCopyFromChunk(update);
  }
}

const larger = (a: Lsn, b: Lsn): Lsn => (a > b ? a : b);
