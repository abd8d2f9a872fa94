import { type Clock, describeError, type Logger } from '@tributary/shared';
import type { Request, Response } from 'express';
import { ApiError } from '../http/api-error.js';
import type { Flow } from './flow.js';
import type { Observer } from './observer.js';

/** Milliseconds between two looks: while a client watches, and while none does. */
const WATCHED = 1_000;
const UNWATCHED = 10_000;
/** More than are needed, and too few to hold every socket of the machine. */
const MOST_CLIENTS = 1_000;

/**
 * Sends what flows to every client that watches, as server-sent events. An event is made once for all clients, so two hundred
 * cost hardly more than one. A client that does not take what it is sent misses events instead of delaying others.
 */
export class Live {
  readonly #observer: Observer;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #clients = new Set<Response>();
  readonly #stopped = new AbortController();
  #wake = new AbortController();
  #running: Promise<void> | undefined;
  #last = '';
  #flow: Flow | undefined;

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
    for (const client of this.#clients) client.end();
    await this.#running;
  }

  /** What flows now; it is looked at anew if no client has watched. */
  async now(): Promise<Flow> {
    const age = this.#clock.now() - Date.parse(this.#flow?.at ?? '1970-01-01T00:00:00Z');
    return this.#flow !== undefined && age < 2 * WATCHED ? this.#flow : await this.#observer.look();
  }

  watch(request: Request, response: Response): void {
    if (this.#clients.size >= MOST_CLIENTS) {
      throw new ApiError(503, 'too_many_watch', `${MOST_CLIENTS} pages watch already; close some`);
    }
    response.set({ 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
    response.flushHeaders();
    // Tells the client to connect again after two seconds if the connection is lost.
    response.write(`retry: 2000\n\n${event('history', this.#observer.history)}${this.#last}`);
    this.#clients.add(response);
    request.on('close', () => this.#clients.delete(response));
    this.#wake.abort();
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
    for (const client of this.#clients) if (!client.writableNeedDrain) client.write(bytes);
  }
}

const event = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
