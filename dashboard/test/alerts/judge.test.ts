import { describe, expect, it } from 'vitest';
import { takeBack } from '../../src/alerts/clock-back.js';
import { type AlertDocument, newDocument, type Silence } from '../../src/alerts/document.js';
import { gatherMessages, MOST_WAITING } from '../../src/alerts/gather.js';
import { cameWithin, judgeAll, noteDeadLetters } from '../../src/alerts/judge.js';
import type { Message } from '../../src/alerts/message.js';
import type { Flow } from '../../src/flow/flow.js';
import { endpoint, flowOf, queue, watched } from './pipeline.js';

const CHANNEL = '  channels: { hook: { type: webhook, url: "http://127.0.0.1:1/x" } }\n';
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** Alerts over a time that passes in steps of five seconds, without a network. */
class Watch {
  config;
  readonly document: AlertDocument;
  silences: Silence[] = [];
  now = Date.UTC(2026, 0, 5);
  failures = 1;

  constructor(rules: string) {
    this.config = watched(`${CHANNEL}  page: https://dash.example\n  rules:\n${rules}`);
    this.document = newDocument(this.now);
  }

  /** @returns what was told meanwhile */
  pass(milliseconds: number, flow: Flow): Message[] {
    const before = this.document.waiting.length;
    for (const end = this.now + milliseconds; this.now < end; ) {
      this.now += 5 * SECOND;
      takeBack(this.document, this.now);
      noteDeadLetters(this.document, { flow, now: this.now });
      const { now, failures } = this;
      const seen = { flow, now, since: this.document.since, failuresOf: () => failures };
      judgeAll(this.document, this.config.alerts, { ...seen, cameWithin: cameWithin(this.document, now) });
      gatherMessages(this.document, this.config, this.silences, now);
    }
    return this.document.waiting.slice(before).map(({ message }) => message);
  }

  silence(minutes: number, subject: string | null = null): void {
    const [at, until] = [this.now, this.now + minutes * MINUTE].map((time) => new Date(time).toISOString());
    this.silences.push({
      id: '1',
      rule: 'failing',
      subject,
      at: at ?? '',
      until: until ?? '',
      by: 'anna',
      why: 'known',
    });
  }
}

const FAILING = '    failing: { when: endpoint-failing, for: 1m, resolveAfter: 1m, gather: 30s, repeat: 1h }';
const well = flowOf({ endpoints: [endpoint('one', null)] });
const bad = flowOf({ endpoints: [endpoint('one', 'the last poll failed: 503')] });

describe('an alert', () => {
  it('fires once the condition has held for long enough, is told, and is told when it is over', () => {
    const watch = new Watch(FAILING);
    expect(watch.pass(55 * SECOND, bad)).toEqual([]);
    const [first, ...others] = watch.pass(60 * SECOND, bad);
    expect(others).toEqual([]);
    expect(first).toMatchObject({
      rule: 'failing',
      condition: 'endpoint-failing',
      status: 'firing',
      title: 'Alert: one: the last poll failed: 503',
      link: 'https://dash.example/alerts',
      alerts: [{ subject: { kind: 'endpoint', name: 'one' }, link: 'https://dash.example/endpoints/one' }],
    });
    watch.failures = 0;
    expect(watch.pass(MINUTE, well)).toEqual([]);
    const [over] = watch.pass(15 * SECOND, well);
    expect(over).toMatchObject({ status: 'resolved', incident: first?.incident, alerts: [{ status: 'resolved' }] });
    expect(over?.id).not.toBe(first?.id);
    expect(watch.document.groups).toEqual({});
  });

  it('is one alert if it comes and goes, and none if it never holds for long', () => {
    const watch = new Watch(FAILING);
    const flap = (times: number, up: number, down: number) => {
      const told: Message[] = [];
      for (let time = 0; time < times; time++) {
        watch.failures = 1;
        told.push(...watch.pass(up, bad));
        watch.failures = 0;
        told.push(...watch.pass(down, well));
      }
      return told;
    };
    expect(flap(40, 30 * SECOND, 10 * SECOND)).toEqual([]);
    watch.failures = 1;
    expect(watch.pass(3 * MINUTE, bad)).toHaveLength(1);
    expect(flap(40, 20 * SECOND, 50 * SECOND)).toEqual([]);
    expect(watch.pass(3 * MINUTE, well)).toMatchObject([{ status: 'resolved' }]);
  });

  it('is told to be over when its rule leaves the file, to those who were told of it', () => {
    const watch = new Watch(FAILING);
    const [first] = watch.pass(3 * MINUTE, bad);
    watch.config = watched(`${CHANNEL}  rules: { other: { when: gone, service: producer } }`);
    const [over, ...others] = watch.pass(MINUTE, bad);
    expect(others).toEqual([]);
    expect(over).toMatchObject({
      rule: 'failing',
      status: 'resolved',
      incident: first?.incident,
      title: 'Over: the rule failing is not watched any more',
      alerts: [{ status: 'resolved', subject: { name: 'one' } }],
    });
    expect([watch.document.groups, watch.document.alerts]).toEqual([{}, {}]);
  });

  it('says nothing of a rule that leaves the file before anybody was told', () => {
    const watch = new Watch(FAILING);
    watch.pass(MINUTE, bad);
    watch.config = watched(`${CHANNEL}  rules: { other: { when: gone, service: producer } }`);
    expect(watch.pass(MINUTE, bad)).toEqual([]);
  });

  describe('of a clock that is set back by a day', () => {
    const DAY = 24 * 60 * MINUTE;

    it('fires, repeats and ends as if nothing had happened', () => {
      const watch = new Watch(FAILING);
      watch.pass(30 * SECOND, bad);
      watch.now -= DAY;
      expect(watch.pass(3 * MINUTE, bad)).toMatchObject([{ status: 'firing' }]);
      watch.now -= DAY;
      expect(watch.pass(62 * MINUTE, bad)).toMatchObject([{ repeat: 1 }]);
      watch.failures = 0;
      watch.pass(30 * SECOND, well);
      watch.now -= DAY;
      expect(watch.pass(3 * MINUTE, well)).toMatchObject([{ status: 'resolved' }]);
    });

    it('counts what came no longer than its rule says, and sends what waits', () => {
      const watch = new Watch(
        '    dead: { when: dead-letters, within: 10m, moreThan: 2, for: 0s, gather: 0s, resolveAfter: 1m }',
      );
      watch.pass(MINUTE, flowOf({ queues: [queue({ dead: 0 })] }));
      watch.pass(MINUTE, flowOf({ queues: [queue({ dead: 5 })] }));
      watch.now -= DAY;
      const told = watch.pass(15 * MINUTE, flowOf({ queues: [queue({ dead: 5 })] }));
      expect(told.at(-1)).toMatchObject({ status: 'resolved' });
      const [first] = watch.document.waiting;
      if (first === undefined) throw new Error('nothing waits');
      first.nextAt = watch.now + DAY;
      takeBack(watch.document, watch.now);
      expect(first.nextAt).toBe(watch.now);
    });
  });

  it('is told again while it goes on, under another id of the same incident', () => {
    const watch = new Watch(FAILING);
    const told = watch.pass(3.2 * 60 * MINUTE, bad);
    expect(told.map(({ repeat }) => repeat)).toEqual([0, 1, 2, 3]);
    expect(new Set(told.map(({ id }) => id)).size).toBe(4);
    expect(new Set(told.map(({ incident }) => incident)).size).toBe(1);
  });

  it('stays as it was while nobody can tell', () => {
    const watch = new Watch(FAILING);
    watch.pass(3 * MINUTE, bad);
    const blind = flowOf({ endpoints: [endpoint('one', null)], producers: [] });
    watch.failures = 0;
    expect(watch.pass(10 * MINUTE, blind)).toEqual([]);
    expect(Object.keys(watch.document.alerts)).toHaveLength(1);
  });

  it('is one message for nine endpoints of a host, also if they do not fail at the same moment, and another for another host', () => {
    const watch = new Watch(FAILING);
    const nine = Array.from({ length: 9 }, (_, index) => endpoint(`e${index}`, 'failed'));
    const told = nine.flatMap((_, index) => watch.pass(5 * SECOND, flowOf({ endpoints: nine.slice(0, index + 1) })));
    const all = [...nine, endpoint('other', 'failed', { url: 'https://else.example/x' })];
    told.push(...watch.pass(10 * MINUTE, flowOf({ endpoints: all })));
    const titles = told.map(({ title }) => title);
    expect(titles[0]).toMatch(/[5-9] endpoints of api.example.org fail/);
    expect(titles).toContain('Alert: other: failed');
    expect(told.filter(({ title }) => title.includes('api.example.org')).length).toBeLessThanOrEqual(2);
    expect(told.findLast(({ title }) => title.includes('api.example.org'))?.alerts).toHaveLength(9);
  });

  it('is not told while it is silenced, and is told when the silence ends and it goes on', () => {
    const watch = new Watch(FAILING);
    watch.silence(30);
    expect(watch.pass(29 * MINUTE, bad)).toEqual([]);
    expect(watch.pass(3 * MINUTE, bad)).toHaveLength(1);
    watch.silence(30, 'another');
    watch.failures = 0;
    expect(watch.pass(3 * MINUTE, well)).toMatchObject([{ status: 'resolved' }]);
  });

  it('that was told before it was silenced is told when it is over, and not before', () => {
    const watch = new Watch(FAILING);
    expect(watch.pass(3 * MINUTE, bad)).toHaveLength(1);
    watch.silence(600);
    expect(watch.pass(200 * MINUTE, bad)).toEqual([]);
    watch.failures = 0;
    expect(watch.pass(3 * MINUTE, well)).toMatchObject([{ status: 'resolved' }]);
  });

  it('whose rule, or whose subject, is gone is over', () => {
    const watch = new Watch(FAILING);
    watch.pass(3 * MINUTE, bad);
    expect(watch.pass(5 * MINUTE, flowOf())).toMatchObject([{ status: 'resolved' }]);
    expect(watch.document.history[0]).toMatchObject({ words: 'one is not watched any more' });
  });

  it('never has more messages waiting for a channel than a hundred; the oldest go, and that is told', () => {
    const watch = new Watch(FAILING);
    watch.pass(130 * 60 * MINUTE, bad);
    expect(watch.document.waiting).toHaveLength(MOST_WAITING);
    expect(watch.document.history.some(({ event }) => event === 'dropped')).toBe(true);
    expect(watch.document.channels.hook?.failed).toBeGreaterThan(20);
  });
});

describe('each condition', () => {
  const dataset = (lastWrittenAt: string | null) =>
    flowOf({
      datasets: [
        {
          name: 'customers',
          entity: 'customer',
          groups: null,
          key: 'id',
          rows: 1,
          keys: 1,
          bytes: 1,
          parts: 1,
          lastWrittenAt,
          activity: [],
          revision: '',
          indexing: null,
          problems: [],
        },
      ],
    });
  const words = (watch: Watch) => Object.values(watch.document.alerts).map((one) => one.words);

  it('freshness: the newest row is old, or there never was one', () => {
    const watch = new Watch('    fresh: { when: freshness, olderThan: 10m }');
    const start = watch.now;
    watch.pass(9 * MINUTE, dataset(new Date(start).toISOString()));
    expect(words(watch)).toEqual([]);
    watch.pass(3 * MINUTE, dataset(new Date(start).toISOString()));
    expect(words(watch)).toEqual(['the newest row of customers is 12 min old']);
    const never = new Watch('    fresh: { when: freshness, datasets: [customers], olderThan: 10m }');
    never.pass(12 * MINUTE, flowOf());
    expect(words(never)).toEqual(['customers has no row, and has been watched for 12 min']);
  });

  it('freshness: what is still being read is not judged', () => {
    const reading = (lastWrittenAt: string | null) =>
      flowOf({ datasets: dataset(lastWrittenAt).datasets.map((one) => ({ ...one, indexing: { done: 1, total: 2 } })) });
    const watch = new Watch('    fresh: { when: freshness, olderThan: 10m }');
    const start = new Date(watch.now).toISOString();
    watch.pass(30 * MINUTE, reading(null));
    watch.pass(30 * MINUTE, reading(start));
    expect(words(watch)).toEqual([]);
    watch.pass(2 * MINUTE, dataset(start));
    expect(words(watch)).toEqual(['the newest row of customers is 62 min old']);
  });

  it('endpoint-failing: so many polls in a row; a paused one does not count, one that is tried again does', () => {
    const watch = new Watch('    failing: { when: endpoint-failing, failures: 3 }');
    watch.failures = 2;
    watch.pass(MINUTE, bad);
    expect(words(watch)).toEqual([]);
    const retrying = { since: '', attempts: 4, reason: 'GET: 503', nextAttemptAt: '' };
    watch.pass(MINUTE, flowOf({ endpoints: [endpoint('one', null, { retrying })] }));
    expect(words(watch)).toEqual(['one: GET: 503']);
    watch.pass(MINUTE, flowOf({ endpoints: [endpoint('one', 'x', { paused: true })] }));
    expect(words(watch)).toEqual([]);
  });

  it('dead-letters: more than so many, or so many new ones', () => {
    const watch = new Watch(
      '    dead: { when: dead-letters, moreThan: 2 }\n    new: { when: dead-letters, within: 10m }',
    );
    watch.pass(MINUTE, flowOf({ queues: [queue({ dead: 2 })] }));
    expect(words(watch)).toEqual([]);
    watch.pass(MINUTE, flowOf({ queues: [queue({ dead: 3 })] }));
    expect(words(watch)).toEqual([
      '3 records of customer_data could not be written: they are dead letters',
      '1 record of customer_data could not be written within 10 min',
    ]);
    watch.pass(20 * MINUTE, flowOf({ queues: [queue({ dead: 3 })] }));
    expect(words(watch)).toHaveLength(1);
    watch.pass(20 * MINUTE, flowOf({ queues: [queue({ dead: null })] }));
    expect(words(watch)).toHaveLength(1);
  });

  it('backlog: so many records, or so long a wait', () => {
    const watch = new Watch('    many: { when: backlog, records: 1000 }\n    long: { when: backlog, wait: 10m }');
    watch.pass(MINUTE, flowOf({ queues: [queue({ ready: 10, records: 999, rate: 100 })] }));
    expect(words(watch)).toEqual([]);
    watch.pass(MINUTE, flowOf({ queues: [queue({ ready: 10, records: 999, rate: 1 })] }));
    expect(words(watch)).toEqual(['999 records wait in customer_data, the last of them for 16 min']);
    watch.pass(3 * MINUTE, flowOf({ queues: [queue({ ready: 10, records: 5_000, rate: 0 })] }));
    expect(words(watch)).toEqual(Array(2).fill('5000 records wait in customer_data, none is taken'));
  });

  it('gone: a service does not answer, or RabbitMQ is away', () => {
    const watch = new Watch(
      '    gone: { when: gone, service: producer }\n    broker: { when: gone, service: rabbitmq }',
    );
    watch.pass(MINUTE, flowOf());
    expect(words(watch)).toEqual([]);
    const producers = [{ address: 'p:1', answers: false, problems: ['no answer in 1500 ms'] }];
    watch.pass(MINUTE, flowOf({ producers, broker: { known: true, connected: false } }));
    expect(words(watch)).toEqual(['no producer answers: no answer in 1500 ms', 'RabbitMQ is away']);
  });
});
