import { beforeEach, describe, expect, test } from 'vitest';
import { ledgerKeys } from '../../src/ledger/keys.js';
import { Deployment } from '../../src/recovery/deployment.js';
import { type Epoch, enterEpoch, type Rebuild } from '../../src/recovery/epoch.js';
import { MemoryRedis } from '../simulation/memory-redis.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { PlainSink } from '../support/plain-sink.js';
import { log } from '../support/records.js';

let clock: FakeClock;
let server: MemoryRedis;
let sink: PlainSink;
beforeEach(() => {
  clock = new FakeClock(Date.UTC(2025, 0, 1));
  server = new MemoryRedis(() => clock.now());
  sink = new PlainSink();
});

/** A process of a consumer, with the configuration of this name. */
class Process {
  readonly told: string[] = [];
  readonly reformed: string[][] = [];
  readonly #redis = server.client();
  readonly #forms: string;
  /** The form of the customers. */
  readonly #customers: string;
  readonly #deployment: Deployment;
  readonly #stop = new AbortController();
  epoch: Epoch | undefined;

  constructor(forms: string, customers = forms) {
    this.#forms = forms;
    this.#customers = customers;
    this.#deployment = new Deployment({ redis: this.#redis, pipeline: 'p', forms, clock });
  }

  /** Begins a session; `epoch` is set once it has entered one. */
  async enter(): Promise<void> {
    this.epoch = undefined;
    const rebuild: Rebuild = async (_keys, _isDoubted, reformed = new Set()) => {
      this.reformed.push([...reformed]);
    };
    const options = { redis: this.#redis, pipeline: 'p', sink, rebuild, clock, log };
    void enterEpoch({
      ...options,
      mergeName: this.#forms,
      forms: { customers: this.#customers, inventory: 'same' },
      deployment: this.#deployment,
      onWaiting: (problem) => this.told.push(problem),
      signal: this.#stop.signal,
    }).then(
      (epoch) => (this.epoch = epoch),
      () => {},
    );
    await untilSettled();
  }

  stop(): void {
    this.#stop.abort();
  }

  /** As the lease does. */
  async renew(): Promise<void> {
    if (this.epoch === undefined) throw new Error('it has entered no epoch');
    server.store.sortedSet(this.epoch.keys.leases).set(this.#forms, clock.now() + 10_000);
  }

  get isPresent(): boolean {
    return this.epoch !== undefined && this.epoch.name === server.store.get(ledgerKeys('p', '').epoch);
  }
}

async function untilSettled(): Promise<void> {
  for (let n = 0; n < 40; n++) await settled();
}

/** Lets time pass while these renew their leases. */
async function pass(milliseconds: number, ...working: readonly Process[]): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += 500) {
    await clock.advance(500);
    for (const one of working) await one.renew();
    await untilSettled();
  }
}

/** The consumers of the old configuration at work, and then one of the new one that took the ledger. */
async function rollOut(): Promise<{ old: Process; now: Process }> {
  const [old, now] = [new Process('aaaa'), new Process('bbbb')];
  await old.enter();
  await old.renew();
  await clock.advance(1_000);
  await now.enter();
  expect([old.isPresent, now.isPresent]).toEqual([false, true]);
  await now.renew();
  await old.enter();
  return { old, now };
}

describe('while a changed configuration is rolled out', () => {
  test('the newer one gets the ledger, and consumers of the older one wait, say so, and take nothing back', async () => {
    const { old, now } = await rollOut();
    await pass(60_000, now);
    expect([old.isPresent, now.isPresent]).toEqual([false, true]);
    expect(old.told.at(-1)).toContain('consumers with a newer configuration of this pipeline are at work');
    expect(sink.epochs).toHaveLength(2);
    expect(now.told).toEqual([]);
  });

  test('a consumer of the older one that is started again waits too', async () => {
    const { now } = await rollOut();
    await pass(8_000, now);
    const again = new Process('aaaa');
    await again.enter();
    await pass(30_000, now);
    expect([again.isPresent, now.isPresent]).toEqual([false, true]);
    const another = new Process('aaaa');
    await another.enter();
    await pass(30_000, now);
    expect([another.isPresent, now.isPresent]).toEqual([false, true]);
    expect(sink.epochs).toHaveLength(2);
  });

  test('the older one goes on when those of the newer one are killed, and waits again when one of them is back', async () => {
    const { old, now } = await rollOut();
    await pass(14_000);
    expect(old.isPresent).toBe(false);
    await pass(4_000);
    expect(old.isPresent).toBe(true);
    await old.renew();
    const back = new Process('bbbb');
    await back.enter();
    expect(back.isPresent).toBe(true);
    await back.renew();
    await old.enter();
    await now.enter();
    expect(now.isPresent).toBe(true);
    await pass(30_000, now);
    expect([old.isPresent, back.isPresent, now.isPresent]).toEqual([false, true, true]);
    expect(sink.epochs).toHaveLength(4);
  });

  test('the older one goes on sooner when those of the newer one have stopped and given their leases back', async () => {
    const { old, now } = await rollOut();
    server.store.sortedSet(now.epoch?.keys.leases ?? '').clear();
    await pass(8_000);
    expect(old.isPresent).toBe(true);
  });

  test('the older one that is back a while after all of it had ended is the newer one: it was rolled back', async () => {
    const { old, now } = await rollOut();
    await pass(10_000, now);
    old.stop();
    await pass(16_000, now);
    const back = new Process('aaaa');
    await back.enter();
    expect(back.isPresent).toBe(true);
    await back.renew();
    await now.enter();
    await pass(30_000, back);
    expect([back.isPresent, now.isPresent]).toEqual([true, false]);
    expect(now.told).not.toEqual([]);
  });

  test('a configuration that is used in turns by runs that end in good order waits for none of them', async () => {
    for (const forms of ['aaaa', 'bbbb', 'aaaa', 'bbbb']) {
      const run = new Process(forms);
      await run.enter();
      expect(run.isPresent).toBe(true);
      await run.renew();
      server.store.sortedSet(run.epoch?.keys.leases ?? '').clear();
    }
  });

  test('the same holds after Redis was emptied, which only the sink tells then; the newer one is given time to come back', async () => {
    const { old, now } = await rollOut();
    await pass(4_000, now);
    server.store.flush();
    await pass(3_000);
    expect(server.store.get(ledgerKeys('p', '').epoch)).toBeNull();
    await now.enter();
    await now.renew();
    await pass(30_000, now);
    expect([old.isPresent, now.isPresent]).toEqual([false, true]);
    server.store.flush();
    await pass(10_000);
    expect(old.isPresent).toBe(true);
  });

  test('of two new ones that come in the same millisecond, the one that was later to get the ledger wins', async () => {
    const { now } = await rollOut();
    const [one, two] = [new Process('cccc'), new Process('dddd')];
    await one.enter();
    await one.renew();
    await two.enter();
    expect(two.isPresent).toBe(true);
    await two.renew();
    await one.enter();
    await now.enter();
    await pass(20_000, two);
    expect([one.isPresent, two.isPresent, now.isPresent]).toEqual([false, true, false]);
  });
});

test('a configuration that changes while Redis is lost leaves every dataset to be made in the new form', async () => {
  const old = new Process('aaaa');
  await old.enter();
  server.store.flush();
  const now = new Process('bbbb');
  await now.enter();
  expect(now.reformed).toEqual([['customers', 'inventory']]);
  server.store.flush();
  const same = new Process('bbbb');
  await same.enter();
  expect(same.reformed).toEqual([[]]);
});

describe('a version that writes the ledger in another format', () => {
  const older = () => new Process('0123abcd', 'same');
  const newer = () => new Process('f2-0123abcd', 'same');

  test('rebuilds it, and makes no dataset again, because the rows are the same; the older version waits', async () => {
    const old = older();
    await old.enter();
    await old.renew();
    await clock.advance(1_000);
    const now = newer();
    await now.enter();
    expect([old.isPresent, now.isPresent]).toEqual([false, true]);
    expect(now.reformed).toEqual([[]]);
    await now.renew();
    await old.enter();
    await pass(20_000, now);
    expect([old.isPresent, now.isPresent]).toEqual([false, true]);
    expect(old.told.at(-1)).toContain('an older version of Tributary');
  });

  test('does the same where Redis is lost meanwhile', async () => {
    await older().enter();
    server.store.flush();
    const now = newer();
    await now.enter();
    expect([now.isPresent, now.reformed]).toEqual([true, [[]]]);
  });
});
