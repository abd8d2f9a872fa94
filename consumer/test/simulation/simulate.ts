import { type Row, sinkGenerationKey, versionOrder } from '@tributary/shared';
import { audit } from './audit.js';
import { MemoryBroker } from './memory-broker.js';
import { MemoryRedis } from './memory-redis.js';
import * as scripts from './memory-scripts.js';
import { MemoryDisk } from './memory-sink.js';
import { type Pipeline, pipelineOf } from './pipelines.js';
import { inForm, newest, type Published, pack, polledAgain, publish } from './publications.js';
import type { Scripts } from './redis-commands.js';
import type { Fault, Schedule } from './schedule.js';
import { SimulatedConsumer, type Surroundings } from './simulated-consumer.js';
import { type Host, quiescence, World } from './world.js';

/** Milliseconds, longer than a lease: the others take a process that does nothing for so long for dead. */
const DEAD_AFTER = 11_000;
/** Milliseconds within which consumers have noticed that their sink went back, also if one died that was about to rebuild the ledger. */
const NOTICED_WITHIN = 60_000;
/** A pipeline that is not done after this many steps without a fault is taken as one that never will be. */
const SETTLED_AFTER = 8_000;

export interface Outcome {
  readonly faults: readonly string[];
  readonly trace: readonly string[];
}

/** What a mutation test breaks. */
export interface Broken {
  readonly disk?: () => MemoryDisk;
  readonly alterSink?: Surroundings['alterSink'];
  readonly scripts?: Partial<Scripts>;
}

/** What is not broken, but not usual either. */
export interface Conditions {
  /** Rows that the sink refuses for what they hold, until everything has settled. Then the cause is gone, and the dead letters are replayed. */
  readonly refuses?: (row: Row) => boolean;
  /** After the segment of this number, the sink goes back to the state in which it was before that segment. */
  readonly goesBackAfter?: number;
  /** Records of one entity that follow each other are in packs of so many; each alone unless given. */
  readonly packs?: number;
  /** After the segment of this number, the configuration is another one: processes that start from then on have it. */
  readonly changesAfter?: number;
  /** What a line does without its item, before and after the configuration is changed; it waits unless given. */
  readonly missing?: { readonly before: 'wait' | 'empty'; readonly after: 'wait' | 'empty' };
  /** Whether merged rows leave out the versions of their records. */
  readonly plain?: boolean;
  /** Whether the merge is a star: its lines point at items and warehouses. */
  readonly star?: boolean;
  /** Whether there is a second merge, before and after the configuration is changed; there is none unless given. */
  readonly second?: { readonly before: boolean; readonly after: boolean };
  /** Whether only merges are changed. Then nothing is polled again: their rows are made of what has landed. */
  readonly changesMergesAlone?: boolean;
}

/** Of the contents of records that a schedule has, it refuses a few. */
export const refusesSome = ({ dataset, values }: Row): boolean =>
  (dataset === 'customers' && values?.name === 'name 1') ||
  (dataset === 'inventory' && [11, 13].includes(Number(values?.price)));

/** Runs a schedule, lets everything settle with no more faults, and audits what has landed. */
export async function simulate(schedule: Schedule, broken: Broken & Conditions = {}): Promise<Outcome> {
  const simulation = new Simulation(schedule, broken);
  await simulation.start();
  for (const [index, { steps, pick, fault }] of schedule.segments.entries()) {
    if (index === broken.goesBackAfter) simulation.backUpSink();
    await simulation.run(steps, pick);
    simulation.fail(fault);
    simulation.saveRedis();
    if (index === broken.goesBackAfter) simulation.restoreSink();
    if (index === broken.changesAfter) simulation.changeConfiguration();
  }
  return simulation.settle();
}

class Simulation {
  readonly #world = new World();
  readonly #broker;
  readonly #redis;
  readonly #disk;
  #pipeline: Pipeline;
  #published: Published[];
  readonly #toSend;
  readonly #consumers: SimulatedConsumer[] = [];
  #unpublished;
  #snapshot: (() => void) | undefined;
  #ledgerWasLost = false;
  #backup: (() => void) | undefined;
  #sinkWentBack = false;
  #hasChanged = false;
  readonly #refused: boolean;
  /** Whether versions tell everything that is newer; where one is kept, only the ledger knows how late a content was seen. */
  readonly #tellsByVersion: boolean;
  /** That of the changed configuration. */
  readonly #pipelineNext: Pipeline;
  readonly #changesMergesAlone: boolean;

  constructor(schedule: Schedule, broken: Broken & Conditions) {
    const world = this.#world;
    this.#redis = new MemoryRedis(() => world.now, { ...scripts, ...broken.scripts });
    this.#disk = broken.disk?.() ?? new MemoryDisk();
    this.#disk.refuses = broken.refuses ?? (() => false);
    this.#refused = broken.refuses !== undefined;
    this.#broker = new MemoryBroker(world, schedule);
    const { missing = { before: 'wait', after: 'wait' }, second = { before: false, after: false } } = broken;
    this.#tellsByVersion =
      schedule.versioned && !schedule.publications.some(({ keepsVersion = false }) => keepsVersion);
    this.#changesMergesAlone = broken.changesMergesAlone === true;
    const { plain = false, star = false } = broken;
    const usual = { versioned: schedule.versioned, plain, owners: broken.second !== undefined, star };
    this.#pipeline = pipelineOf({ ...usual, missing: missing.before, second: second.before });
    const changed = !this.#changesMergesAlone;
    this.#pipelineNext = pipelineOf({ ...usual, changed, missing: missing.after, second: second.after });
    const published = publish(schedule.publications, this.#pipeline);
    const { records, messages } =
      broken.packs === undefined ? { records: published, messages: published } : pack(published, broken.packs);
    this.#published = [...records];
    this.#toSend = messages;
    this.#unpublished = messages.length;
    const surroundings: Surroundings = {
      world,
      broker: this.#broker,
      redis: this.#redis,
      disk: this.#disk,
      pipelineNow: () => this.#pipeline,
      alterSink: broken.alterSink ?? ((sink) => sink),
    };
    for (const name of ['A', 'B', 'C'].slice(0, schedule.consumers)) {
      this.#consumers.push(new SimulatedConsumer(name, surroundings));
    }
  }

  /** All consumers consume before anything is published. Beginnings are tested by consumers that begin again after a fault. */
  async start(): Promise<void> {
    while (!this.#consumers.every(({ isRunning }) => isRunning)) await this.#world.step(0);
    this.#world.note('all consumers consume');
    void this.#publish({ name: 'producer', alive: true, stalledUntil: 0 });
  }

  async #publish(host: Host): Promise<void> {
    for (const { queue, message } of this.#toSend) {
      await this.#world.park(host, `publish ${message.messageId} ${JSON.stringify(message.pack ?? message.body)}`);
      this.#broker.publish(queue, message);
      this.#unpublished--;
    }
  }

  async run(steps: number, pick: number): Promise<void> {
    let random = pick;
    for (let step = 0; step < steps; step++) {
      random = (Math.imul(random, 1_103_515_245) + (pick === 0 ? 0 : 12_345)) >>> 1;
      await this.#world.step(random >>> 8);
    }
  }

  fail(fault: Fault): void {
    if (fault.kind === 'none') return;
    this.#world.note(JSON.stringify(fault));
    if ('consumer' in fault) {
      const consumer = this.#consumers[fault.consumer % this.#consumers.length];
      if (consumer !== undefined) this.#failConsumer(consumer, fault);
      return;
    }
    this.#ledgerWasLost = true;
    if (fault.kind === 'flush Redis') this.#redis.store.flush();
    else this.#redis.restart(fault.kind === 'restart Redis empty' ? undefined : this.#snapshot);
  }

  backUpSink(): void {
    this.#backup = this.#disk.copy();
  }

  restoreSink(): void {
    this.#world.note('the sink goes back');
    this.#backup?.();
    this.#sinkWentBack = true;
  }

  /** One consumer is restarted with the new configuration. The others have the old one until they start again. */
  changeConfiguration(): void {
    this.#world.note('the configuration is changed');
    this.#hasChanged = true;
    this.#pipeline = this.#pipelineNext;
    this.#published = inForm(this.#published, this.#pipeline);
    this.#consumers[0]?.kill();
  }

  saveRedis(): void {
    this.#snapshot = this.#redis.store.snapshot();
  }

  #failConsumer(consumer: SimulatedConsumer, fault: Extract<Fault, { consumer: number }>): void {
    const { host } = consumer;
    switch (fault.kind) {
      case 'cut the power':
        this.#disk.losePower(host);
        consumer.kill();
        break;
      case 'kill':
        consumer.kill();
        break;
      case 'kill and flush Redis':
        this.#ledgerWasLost = true;
        this.#redis.store.flush();
        consumer.kill();
        break;
      case 'stop':
        consumer.stop();
        break;
      case 'close channels':
        this.#broker.disconnect(host);
        break;
      case 'cancel consumers':
        this.#broker.cancelConsumers(host);
        break;
      case 'fail a write':
        this.#disk.failing.add(host);
        break;
      case 'repeat a Redis command':
        consumer.repeating = true;
        break;
      case 'pause':
        host.stalledUntil = this.#world.steps + fault.steps;
        break;
      case 'hang':
        host.stalledUntil = this.#world.steps + fault.steps;
        this.#broker.disconnect(host);
        this.#world.now += DEAD_AFTER;
        break;
    }
  }

  async settle(): Promise<Outcome> {
    const world = this.#world;
    world.note('no more faults');
    for (const { host } of this.#consumers) host.stalledUntil = 0;
    this.#disk.failing.clear();
    await quiescence();
    let settled = await this.#drain();
    if (settled && this.#refused) {
      world.note('the sink refuses nothing any more');
      this.#disk.refuses = () => false;
      for (const { queue, message } of this.#broker.dead) this.#broker.publish(queue, message);
      settled = await this.#drain();
    }
    if (this.#hasChanged) settled = await this.#endChange();
    if (settled && this.#sinkWentBack) settled = await this.#pollAgain();
    if (settled && (this.#ledgerWasLost || this.#refused) && !this.#tellsByVersion) {
      world.note('polled once more');
      this.#publishOnceMore();
      settled = await this.#drain();
    }
    const faults = settled
      ? audit(this.#published, this.#disk, this.#pipeline)
      : [`not settled after ${SETTLED_AFTER} steps`];
    return { faults, trace: world.trace };
  }

  /** What the producer does when its cursors are void: because the consumers found another sink, or because Redis was lost. */
  async #pollAgain(): Promise<boolean> {
    const world = this.#world;
    const generation = () => this.#redis.store.get(sinkGenerationKey(this.#pipeline.config.name));
    // The consumers look every few seconds.
    for (const until = world.now + NOTICED_WITHIN; world.now < until && generation() === null; ) await world.step(0);
    if (generation() !== null || this.#ledgerWasLost) {
      world.note('polled in full');
      this.#publishOnceMore();
    }
    // Merged rows that the rebuild found to be missing are made by no message.
    return (await this.#drain()) && this.#rest();
  }

  /** All consumers get the new configuration at last, and everything is polled in full, because the records have another form. */
  async #endChange(): Promise<boolean> {
    for (const consumer of this.#consumers) if (consumer.pipeline !== this.#pipeline) consumer.kill();
    if (!(await this.#drain()) || !(await this.#rest())) return false;
    if (this.#changesMergesAlone) return true;
    this.#world.note('polled in full in the new form');
    this.#publishOnceMore();
    return (await this.#drain()) && this.#rest();
  }

  /** @returns whether every consumer came to have nothing left to do, also no merged row to be made once more */
  async #rest(): Promise<boolean> {
    const end = this.#world.steps + SETTLED_AFTER;
    while (this.#consumers.some((consumer) => consumer.unsettled() > 0)) {
      if (this.#world.steps >= end) return false;
      await this.#world.step(0);
    }
    return true;
  }

  /** @returns whether everything that was published was acknowledged */
  async #drain(): Promise<boolean> {
    const end = this.#world.steps + SETTLED_AFTER;
    while (!(this.#unpublished === 0 && this.#broker.isDrained)) {
      if (this.#world.steps >= end) return false;
      await this.#world.step(0);
    }
    return true;
  }

  /**
   * Records without a version are polled in full, again and again. Only the ledger knows how late the content of a duplicate was
   * seen. If that is lost, or the row was refused, other content from in between that comes late is the newest, until the next poll.
   */
  #publishOnceMore(): void {
    for (const entity of ['customer', 'inventory', 'warehouse']) {
      for (const { queue, message, record } of newest(this.#published, entity).values()) {
        const messageId = polledAgain(message.messageId);
        this.#published.push({
          queue,
          record,
          message: { ...message, messageId },
          order: versionOrder(record.version, messageId),
        });
        this.#broker.publish(queue, { ...message, messageId });
      }
    }
  }
}
