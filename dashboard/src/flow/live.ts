import { type Clock, describeError, type Logger } from '@tributary/shared';
import type { Request, Response } from 'express';
import type { Identity } from '../access/guard.js';
import type { Flow } from './flow.js';
import type { Observer } from './observer.js';

/** Milliseconds between two looks: while a client watches, and while none does. */
const WATCHED = 1_000;
const UNWATCHED = 10_000;
/** More than are needed, and too few to hold every socket of the machine. */
const MOST_CLIENTS = 1_000;
/** Milliseconds for which a client may take nothing before its place is given to another. */
const UNREAD = 60_000;

interface Client {
  readonly response: Response;
  readonly identity: Identity;
  /** Since when it has not taken what it was sent, by the clock that is never set. */
  fullSince: number | undefined;
}

/**
 * Sends what flows to every client that watches, as server-sent events. An event is made once for all clients, so two hundred
 * cost hardly more than one. A client that does not take what it is sent misses events instead of delaying others.
 */
export class Live {
  readonly #observer: Observer;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #clients = new Set<Client>();
  readonly #stopped = new AbortController();
  #wake = new AbortController();
  #running: Promise<void> | undefined;
  #last = '';
  #flow: Flow | undefined;
  #looking: Promise<Flow> | undefined;

  constructor(observer: Observer, clock: Clock, log: Logger) {
    this.#observer = observer;
    this.#clock = clock;
    this.#log = log;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#wake.abort();
    for (const { response } of this.#clients) response.end();
    // A look that is under way would write to answers that have ended, and that error ended the process.
    this.#clients.clear();
    await this.#running;
  }

  /** What flows now; it is looked at anew if no client has watched. */
  async now(): Promise<Flow> {
    const age = this.#clock.now() - Date.parse(this.#flow?.at ?? '1970-01-01T00:00:00Z');
    if (this.#flow !== undefined && age < 2 * WATCHED) return this.#flow;
    // However many ask, each service is asked once.
    this.#looking ??= this.#observer.look().finally(() => {
      this.#looking = undefined;
    });
    this.#flow = await this.#looking;
    return this.#flow;
  }

  /** When all places are taken, who has the most of them gives up the oldest, so that no one person can take them all. */
  watch(request: Request, response: Response, identity: Identity): void {
    response.set({ 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    if (this.#clients.size >= MOST_CLIENTS) this.#makeRoom();
    response.flushHeaders();
    // Tells the client to connect again after two seconds if the connection is lost.
    response.write(`retry: 2000\n\n${event('history', this.#observer.history)}${this.#last}`);
    if (this.#stopped.signal.aborted || response.destroyed) {
      response.end();
      return;
    }
    const client = { response, identity, fullSince: undefined };
    this.#clients.add(client);
    response.on('close', () => this.#clients.delete(client));
    this.#wake.abort();
  }

  #makeRoom(): void {
    const counts = new Map<string, number>();
    for (const { identity } of this.#clients) counts.set(identity.share, (counts.get(identity.share) ?? 0) + 1);
    const most = Math.max(...counts.values());
    const oldest = [...this.#clients].find(({ identity }) => counts.get(identity.share) === most);
    if (oldest === undefined) return;
    this.#clients.delete(oldest);
    oldest.response.destroy();
  }

  async #run(): Promise<void> {
    let recorded = 0;
    while (!this.#stopped.signal.aborted) {
      try {
        this.#flow = await this.#observer.look();
        this.#last = event('flow', this.#flow);
        this.#send(this.#last);
        if (this.#observer.recorded !== recorded && recorded !== 0)
          this.#send(event('history', this.#observer.history));
        recorded = this.#observer.recorded;
      } catch (error) {
        this.#log.warn({ reason: describeError(error) }, 'what flows could not be looked at; trying again');
      }
      // A client that begins to watch ends the long wait, but does not cause more than one look a second.
      await this.#clock.sleep(WATCHED, this.#stopped.signal);
      this.#wake = new AbortController();
      if (this.#clients.size === 0) {
        const { signal } = this.#wake;
        await this.#clock.sleep(UNWATCHED - WATCHED, AbortSignal.any([signal, this.#stopped.signal]));
      }
    }
  }

  #send(text: string): void {
    const bytes = Buffer.from(text);
    const now = this.#clock.monotonic();
    for (const client of this.#clients) {
      const { response, identity } = client;
      if (!identity.isThere()) response.destroy();
      else if (!response.writableNeedDrain) {
        client.fullSince = undefined;
        response.write(bytes);
      } else {
        client.fullSince ??= now;
        if (now - client.fullSince > UNREAD) response.destroy();
      }
    }
  }
}

const event = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
