import { FatalError, type OpenPublication, RetryableError, systemClock } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import type { EndpointReport } from '../../src/operate/control.js';
import { Operations, type OperationsOptions } from '../../src/operate/operations.js';
import { Refused } from '../../src/sources/webhook/refused.js';

const lastRun = (second: number, more: object = {}) => ({
  startedAt: '2026-03-01T00:00:00.000Z',
  endedAt: `2026-03-01T00:00:0${second}.000Z`,
  records: second,
  published: second,
  ...more,
});
const sent = { entity: 'post', messageId: 'm', body: Buffer.from('{}'), numbers: [] };

/** Operations of a producer that holds no endpoint, with parts of its surroundings replaced. */
function operations(changed: Partial<OperationsOptions> = {}) {
  const stopping = new AbortController();
  const duty = { endpoint: { isPolled: true }, runner: {} } as ReturnType<OperationsOptions['duties']['get']>;
  const options: OperationsOptions = {
    control: { list: async () => [], report: async () => undefined, command: async () => true },
    duties: new Map(duty === undefined ? [] : [['blog', duty]]),
    isMine: () => false,
    records: { send: async () => sent },
    publications: undefined,
    clock: systemClock,
    signal: stopping.signal,
    ...changed,
  };
  return { stopping, operations: new Operations(options) };
}

describe('a run of an endpoint that another producer holds', () => {
  it('is asked of that one, and what it came to is told when it is stored', async () => {
    const reports = [lastRun(1), lastRun(1), lastRun(2, { error: 'it failed' })];
    const asked: string[] = [];
    const { operations: of } = operations({
      control: {
        list: async () => [],
        report: async () => ({ run: 7, lastRun: reports.shift() ?? null }) as EndpointReport,
        async command(id, command) {
          asked.push(`${command} ${id}`);
          return true;
        },
      },
    });
    const expected = { endpoint: 'blog', run: 7, records: 2, published: 2, durationMs: 2_000, error: 'it failed' };
    expect(await of.run('blog')).toEqual(expected);
    expect(asked).toEqual(['run blog']);
  });

  it('ends when the producer stops', async () => {
    const { operations: of, stopping } = operations();
    const run = of.run('blog');
    stopping.abort(new RetryableError('stopping', 'the producer is stopping'));
    await expect(run).rejects.toThrow('the producer is stopping');
  });
});

describe('a record of the program', () => {
  it('is given again while it cannot be taken, and refused in words if it is not valid', async () => {
    const answers: unknown[] = [
      new Refused('not_now', 'RabbitMQ is away'),
      new RetryableError('closed', 'it closed'),
      sent,
    ];
    const send = async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return sent;
    };
    expect(await operations({ records: { send } }).operations.send('post', {})).toBe(sent);
    const refuse = async () => {
      throw new Refused('unreadable', 'post 1: field "id" is missing');
    };
    await expect(operations({ records: { send: refuse } }).operations.send('post', {})).rejects.toMatchObject({
      name: FatalError.name,
      message: 'post 1: field "id" is missing; it was not sent',
    });
  });

  it('is settled when as many of its numbers are as were sent with it', async () => {
    const numbers = [{ token: 't', queue: 'posts', from: 8, to: 16, count: 3 }];
    let settled = 2;
    const publications = {
      recount: async (all: readonly OpenPublication[] | readonly object[]) =>
        all.map((one) => ({ ...(one as OpenPublication), settled: { posts: settled } })),
    };
    const { operations: of } = operations({ publications });
    expect(await of.isSettled({ numbers })).toBe(false);
    settled = 3;
    expect(await of.isSettled({ numbers })).toBe(true);
    await expect(of.isSettled({ numbers: [] })).rejects.toMatchObject({ code: 'nothing_noted' });
  });
});
