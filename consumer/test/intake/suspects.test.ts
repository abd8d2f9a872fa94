import { packBodies } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import { Alone } from '../../src/intake/alone.js';
import type { BrokerMessage } from '../../src/intake/channel.js';
import { Intake } from '../../src/intake/intake.js';
import { oneAhead } from '../../src/intake/one-ahead.js';
import type { Delivery } from '../../src/intake/settle.js';
import { ENDS_CONSUMER } from '../../src/intake/suspects.js';
import { FakeChannel } from '../support/fake-channel.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { apart, MemoryStrikes } from '../support/suspects.js';

const textOf = ({ message }: Delivery) => String(message.content);

/** One life of a consumer's process. It gives out records until one of them is the poison, and settles all before. */
class Life {
  readonly clock = new FakeClock();
  readonly alone = new Alone(this.clock);
  readonly groups: string[][] = [];
  readonly refused: string[] = [];
  hasDied = false;
  readonly #strikes: MemoryStrikes;
  readonly #poison: string;

  constructor(strikes: MemoryStrikes, poison = '"poison"') {
    this.#strikes = strikes;
    this.#poison = poison;
  }

  async lane(settle: (delivery: Delivery) => void = (delivery) => delivery.ack()) {
    const channel = new FakeChannel();
    const { clock } = this;
    const options = { ...apart(clock, this.#strikes, this.alone), channel, clock, prefetch: 250, batchSize: 10 };
    const intake = new Intake(options);
    await intake.start('customer_data', 'host-1-customer', () => {});
    // As consume() does: what is thrown ends the session.
    void this.#run(intake, settle).catch(() => {});
    return { channel, intake };
  }

  async #run(intake: Intake, settle: (delivery: Delivery) => void): Promise<void> {
    for await (const deliveries of intake) {
      if (this.hasDied) return;
      this.groups.push(deliveries.map(textOf));
      for (const delivery of deliveries) {
        if (delivery.refused !== undefined) {
          expect(delivery.refused.code).toBe(ENDS_CONSUMER);
          this.refused.push(textOf(delivery));
        } else if (textOf(delivery) === this.#poison) {
          this.hasDied = true;
          return;
        }
        settle(delivery);
      }
    }
  }
}

const messageOf = (channel: FakeChannel, count: number, ...texts: readonly string[]): BrokerMessage => {
  const message = channel.message({}, 'm1', { 'x-delivery-count': count });
  const content = packBodies(texts.map((text) => Buffer.from(text)));
  const contentType = texts.length === 1 ? 'application/json' : 'application/x-ndjson';
  return { ...message, content, properties: { ...message.properties, contentType } };
};

describe('a record that ends the process', () => {
  test('is found in a pack that came five times, and refused alone; all others of the pack are given out as before', async () => {
    const strikes = new MemoryStrikes();
    const lives: Life[] = [];
    for (let count = 4; lives.at(-1)?.refused.length !== 1; count++) {
      const life = new Life(strikes);
      lives.push(life);
      const { channel } = await life.lane();
      channel.deliver(messageOf(channel, count, '"a"', '"b"', '"poison"', '"c"', '"d"'));
      await settled();
      await life.clock.advance(1_000);
      if (!life.hasDied) expect(channel.acks).toEqual(['<=1']);
      expect(lives.length).toBeLessThan(12);
    }
    expect(lives.map(({ groups }) => groups)).toEqual([
      // It came four times: as any other.
      [['"a"', '"b"', '"poison"', '"c"', '"d"']],
      // It is not known which of them it is.
      [['"a"', '"b"', '"poison"', '"c"', '"d"']],
      [['"a"'], ['"b"'], ['"poison"']],
      // Consumers may be killed for another reason while a record is at work: so often in a row is no chance.
      ...Array.from({ length: 6 }, () => [['"a"', '"b"'], ['"poison"']]),
      [['"a"', '"b"'], ['"poison"'], ['"c"'], ['"d"']],
    ]);
    // It is known sooner when it is replayed and ends the process again.
    expect([...strikes.counts.values()]).toEqual([8]);
  });

  test('is at work alone: nothing is given out meanwhile that came less often, in this queue or another', async () => {
    const strikes = new MemoryStrikes();
    const life = new Life(strikes);
    const held: Delivery[] = [];
    const first = await life.lane((delivery) => void held.push(delivery));
    const second = await life.lane((delivery) => void held.push(delivery));
    second.channel.deliver(messageOf(second.channel, 0, '"before"'));
    await settled();
    first.channel.deliver(messageOf(first.channel, 5, '"suspect"'));
    first.channel.deliver(messageOf(first.channel, 0, '"beside"'));
    second.channel.deliver(messageOf(second.channel, 0, '"other"'));
    await settled();
    await life.clock.advance(200);
    expect(life.groups).toEqual([['"before"']]);
    held[0]?.ack();
    await life.clock.advance(200);
    expect(life.groups).toEqual([['"before"'], ['"suspect"']]);
    expect(strikes.counts.size).toBe(1);
    held[1]?.ack();
    await life.clock.advance(200);
    expect(life.groups.slice(2).flat().sort()).toEqual(['"beside"', '"other"']);
    expect(strikes.counts.size).toBe(0);
  });

  test('does not get a strike for waiting: after ten seconds it has not ended the process, and others have their turn', async () => {
    const strikes = new MemoryStrikes();
    const life = new Life(strikes);
    const { channel, intake } = await life.lane(() => {});
    channel.deliver(messageOf(channel, 5, '"suspect"'));
    channel.deliver(messageOf(channel, 0, '"beside"'));
    await settled();
    await life.clock.advance(9_000);
    expect([life.groups, strikes.counts.size]).toEqual([[['"suspect"']], 1]);
    await life.clock.advance(2_000);
    expect([life.groups, strikes.counts.size]).toEqual([[['"suspect"'], ['"beside"']], 0]);
    expect(intake.settler.unsettled).toBe(2);
  });

  test.each([
    ['loses its strike when the session ends for another reason, such as an outage', false, []],
    ['keeps its strike when the session ends because the code failed', true, [1]],
  ])('%s', async (_what, isFault, counts) => {
    const strikes = new MemoryStrikes();
    const life = new Life(strikes);
    const { channel, intake } = await life.lane(() => {});
    channel.deliver(messageOf(channel, 5, '"suspect"'));
    await settled();
    await life.clock.advance(200);
    expect([...strikes.counts.values()]).toEqual([1]);
    intake.end(isFault);
    await settled();
    expect([...strikes.counts.values()]).toEqual(counts);
    await life.clock.advance(11_000);
    expect([...strikes.counts.values()]).toEqual(counts);
  });

  test('loses its strike when an outage meets the very step that gave it out', async () => {
    const strikes = new MemoryStrikes();
    const life = new Life(strikes);
    const { channel, intake } = await life.lane(() => {
      throw new Error('connect ECONNREFUSED');
    });
    channel.deliver(messageOf(channel, 5, '"suspect"'));
    await settled();
    await life.clock.advance(200);
    expect([...strikes.counts.values()]).toEqual([1]);
    intake.end(false);
    await settled();
    expect(strikes.counts.size).toBe(0);
  });

  test('loses its strike when the session ends while it is noted', async () => {
    const strikes = new MemoryStrikes();
    let note = () => {};
    const noted = new Promise<void>((resolve) => (note = resolve));
    const { add } = strikes;
    strikes.add = async (...of) => {
      await noted;
      await add.apply(strikes, of);
    };
    const life = new Life(strikes);
    const { channel, intake } = await life.lane();
    channel.deliver(messageOf(channel, 5, '"suspect"'));
    await settled();
    await life.clock.advance(200);
    intake.end(false);
    note();
    await settled();
    expect([strikes.counts.size, life.groups]).toEqual([0, []]);
  });

  test('gives its turn back when the step that reads it fails: a session that ends does not wait for the other queues for ever', async () => {
    const clock = new FakeClock();
    const alone = new Alone(clock);
    const lane = async () => {
      const channel = new FakeChannel();
      const options = { ...apart(clock, new MemoryStrikes(), alone), channel, clock, prefetch: 250, batchSize: 10 };
      const intake = new Intake(options);
      await intake.start('customer_data', 'host-1-customer', () => {});
      return { channel, intake };
    };
    // As consume() does.
    const story = async (intake: Intake, judge: (deliveries: Delivery[]) => Promise<unknown>) => {
      for await (const _ of oneAhead(intake, judge)) await settled();
    };
    const first = await lane();
    const second = await lane();
    const failed = story(first.intake, async () => {
      throw new Error('this writer was fenced');
    }).catch(String);
    let isOver = false;
    const other = story(second.intake, async (deliveries) => deliveries).then(() => {
      isOver = true;
    });
    first.channel.deliver(messageOf(first.channel, 5, '"suspect"'));
    await settled();
    second.channel.deliver(messageOf(second.channel, 0, '"other"'));
    await settled();
    expect(await failed).toContain('fenced');
    // The connection to the broker was lost right before: what was begun is finished, which waits for both.
    for (const { intake } of [first, second]) intake.end();
    await clock.advance(20_000);
    expect(isOver).toBe(true);
    await other;
  });
});
