import { randomUUID } from 'node:crypto';
import { type Clock, describeError, type Logger, type PipelineConfig } from '@tributary/shared';
import type { Flow } from '../flow/flow.js';
import { createChannel } from './channels/kinds.js';
import { takeBack } from './clock-back.js';
import { Deliveries } from './deliveries.js';
import { type AlertDocument, isSilenced, newDocument, note, type Silence } from './document.js';
import { enqueue, gatherMessages } from './gather.js';
import { cameWithin, judgeAll, noteDeadLetters } from './judge.js';
import { idOf, pathOf } from './message.js';
import { type AlertNews, newsOf } from './news.js';
import type { AlertStore } from './stores/store.js';
import type { FiringAlert } from './subject.js';

/** Milliseconds between two looks. */
export const BEAT = 5_000;
/** Silences that are kept; a person who needs more takes rules out of the file. */
export const MOST_SILENCES = 200;

export interface AlertsOptions {
  readonly config: PipelineConfig;
  readonly store: AlertStore;
  /** What flows now. */
  readonly look: () => Promise<Flow>;
  /** Failed polls of an endpoint in a row, at the last look. */
  readonly failuresOf: (endpoint: string) => number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with each alert that begins to fire or ends, by whoever judges. It must not throw. */
  readonly onNews?: ((news: AlertNews) => void) | undefined;
}

/**
 * Watches what the pipeline file says under `alerts:`, and tells people. Every five seconds it looks, judges, makes the messages that are due,
 * keeps all of that in one document, and only then sends. Of several dashboards that share a Redis one does this; the others show what it
 * knows. While Redis is away, whoever held the alerts goes on from memory.
 */
export class Alerts {
  readonly #options: AlertsOptions;
  readonly #deliveries: Deliveries;
  readonly #stopped = new AbortController();
  #document: AlertDocument | undefined;
  #silences: readonly Silence[] = [];
  #isHolder = false;
  #problem: string | undefined;
  #running: Promise<void> | undefined;
  #saving: Promise<unknown> = Promise.resolve();

  constructor(options: AlertsOptions) {
    const { config, clock, log } = options;
    this.#options = options;
    const channels = Object.entries(config.alerts.channels);
    this.#deliveries = new Deliveries({
      channels: new Map(channels.map(([name, settings]) => [name, createChannel(settings, clock)])),
      clock,
      log,
      onChange: () => this.#save(),
    });
  }

  /** Whether the file has anything to watch, or anybody to tell. */
  get isUsed(): boolean {
    const { rules, channels } = this.#options.config.alerts;
    return Object.keys(rules).length > 0 || Object.keys(channels).length > 0;
  }

  get isHolder(): boolean {
    return this.#isHolder;
  }

  /** Why the state of alerts cannot be kept or read now, in words. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get document(): AlertDocument | undefined {
    return this.#document;
  }

  get silences(): readonly Silence[] {
    const now = this.#options.clock.now();
    return this.#silences.filter(({ until }) => Date.parse(until) > now);
  }

  get firing(): readonly FiringAlert[] {
    const now = this.#options.clock.now();
    const all = Object.values(this.#document?.alerts ?? {});
    return all.flatMap((alert) => {
      const { rule, subject, words, firingSince } = alert;
      if (firingSince === null) return [];
      const silenced = isSilenced(this.#silences, alert, now);
      return [{ rule, subject, words, since: new Date(firingSince).toISOString(), silenced, path: pathOf(subject) }];
    });
  }

  start(): void {
    if (this.isUsed) this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    await this.#deliveries.stop();
    await this.#saving.catch(() => {});
    await this.#options.store.close();
  }

  /** @throws Error while the store is away */
  async silence(given: Omit<Silence, 'id' | 'at'>): Promise<Silence> {
    const { store, clock } = this.#options;
    const silence = { id: randomUUID(), at: new Date(clock.now()).toISOString(), ...given };
    await store.silence(silence);
    this.#silences = await store.silences();
    return silence;
  }

  /** @throws Error while the store is away */
  async endSilence(id: string): Promise<void> {
    const { store } = this.#options;
    await store.endSilence(id);
    this.#silences = await store.silences();
  }

  /** Puts a message without an alert into the queue of a channel. @returns false if another dashboard sends */
  async test(channel: string, by: string): Promise<boolean> {
    const { clock, config } = this.#options;
    if (!this.#isHolder || this.#document === undefined) return false;
    const now = clock.now();
    const at = new Date(now).toISOString();
    const id = idOf(config.name, 'test', channel, now);
    enqueue(
      this.#document,
      channel,
      {
        id,
        incident: id,
        pipeline: config.name,
        rule: 'test',
        condition: 'test',
        status: 'test',
        repeat: 0,
        title: `Test: ${by} tries the channel ${channel}`,
        at,
        since: at,
        alerts: [],
        more: 0,
      },
      now,
    );
    await this.#save();
    this.#deliveries.run(this.#document);
    return true;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        await this.#beat();
      } catch (error) {
        log.warn({ reason: describeError(error) }, 'alerts could not be judged; trying again');
      }
      await clock.sleep(BEAT, signal);
    }
  }

  async #beat(): Promise<void> {
    await this.#takeHold();
    if (!this.#isHolder || this.#document === undefined) return;
    const { config, look, failuresOf, clock } = this.#options;
    const flow = await look();
    // Another may have taken over during the look.
    const document = this.#document;
    if (!this.#isHolder || document === undefined || this.#stopped.signal.aborted) return;
    const now = clock.now();
    const before = this.firing;
    const went = takeBack(document, now);
    const came = noteDeadLetters(document, { flow, now });
    const seen = { flow, now, since: document.since, failuresOf, cameWithin: cameWithin(document, now) };
    const judged = judgeAll(document, config.alerts, seen);
    const gathered = gatherMessages(document, config, this.#silences, now);
    for (const news of newsOf(before, this.firing)) this.#options.onNews?.(news);
    if (went || came || judged || gathered) await this.#save();
    if (this.#isHolder) this.#deliveries.run(document);
  }

  /** Finds out who judges and sends, and what is silenced. While the store is away, everything stays as it was. */
  async #takeHold(): Promise<void> {
    const { store, clock } = this.#options;
    try {
      const hold = await store.hold();
      if (hold === 'other') {
        this.#isHolder = false;
        this.#document = await store.read();
      } else if (hold !== 'kept') {
        this.#document = hold.taken ?? newDocument(clock.now());
        this.#isHolder = true;
      }
      this.#silences = await store.silences();
      await this.#dropSilences();
      this.#problem = undefined;
    } catch (error) {
      this.#tellProblem(error);
    }
  }

  async #dropSilences(): Promise<void> {
    if (!this.#isHolder || this.#document === undefined) return;
    const { store, clock } = this.#options;
    const now = clock.now();
    for (const { id, rule, subject } of this.#silences.filter((one) => Date.parse(one.until) <= now)) {
      await store.endSilence(id);
      const words = 'its time is over';
      note(this.#document, { at: now, event: 'silence ended', rule, about: subject ?? 'all', channel: null, words });
    }
    this.#silences = this.silences;
  }

  /** One after the other, each with what is known by then. */
  #save(): Promise<void> {
    const turn = this.#saving.then(async () => {
      if (!this.#isHolder || this.#document === undefined) return;
      try {
        if (!(await this.#options.store.save(this.#document))) {
          this.#isHolder = false;
          this.#document = undefined;
        }
      } catch (error) {
        this.#tellProblem(error);
      }
    });
    this.#saving = turn;
    return turn;
  }

  #tellProblem(error: unknown): void {
    const words = describeError(error);
    if (this.#problem !== words)
      this.#options.log.warn({ reason: words }, 'the state of alerts cannot be kept now; they are told from memory');
    this.#problem = words;
  }
}
