import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { adviceOnHeartbeat, endIfSilent, heartbeatOf } from '../../src/broker/silence.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A connection whose bytes come when the test says so. */
function watch(heartbeat: number) {
  const stream = { bytesRead: 0, destroy: vi.fn() };
  const model = Object.assign(new EventEmitter(), { connection: { heartbeat, stream } });
  endIfSilent(model);
  return { stream, model };
}

describe('a connection to RabbitMQ', () => {
  test('is ended when nothing has come for 6 s, and not before', () => {
    const { stream } = watch(5);
    vi.advanceTimersByTime(5_500);
    expect(stream.destroy).not.toHaveBeenCalled();
    vi.advanceTimersByTime(500);
    expect(stream.destroy.mock.calls).toEqual([[new Error('RabbitMQ has sent nothing for 6 s, not even a heartbeat')]]);
    vi.advanceTimersByTime(60_000);
    expect(stream.destroy).toHaveBeenCalledTimes(1);
  });

  test('is left alone while heartbeats come, once it is closed, and where no heartbeat was agreed on', () => {
    const beating = watch(5);
    for (let beat = 0; beat < 40; beat++) {
      beating.stream.bytesRead += 8;
      vi.advanceTimersByTime(2_500);
    }
    expect(beating.stream.destroy).not.toHaveBeenCalled();
    const closed = watch(5);
    closed.model.emit('close');
    const without = watch(0);
    vi.advanceTimersByTime(60_000);
    for (const { stream } of [closed, without]) expect(stream.destroy).not.toHaveBeenCalled();
  });

  test('has 5 s between heartbeats unless its URL says otherwise, and a longer one is warned of', () => {
    const of = (query: string) => heartbeatOf(new URL(`amqp://host${query}`));
    expect(['', '?heartbeat=30', '?heartbeat=0', '?heartbeat=x'].map(of)).toEqual([5, 30, 0, 5]);
    expect([5, 10].map(adviceOnHeartbeat)).toEqual([undefined, undefined]);
    expect(adviceOnHeartbeat(30)).toMatch(/heartbeat of 30 s.*after 18.5 s, not within 10 s/);
    expect(adviceOnHeartbeat(0)).toMatch(/is not noticed while nothing is sent/);
  });
});
