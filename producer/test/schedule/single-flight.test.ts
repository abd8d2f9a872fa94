import { describe, expect, it } from 'vitest';
import { SingleFlight } from '../../src/schedule/single-flight.js';

describe('SingleFlight', () => {
  it('does one piece of work at a time; calls that come meanwhile join it', async () => {
    const { promise, resolve } = deferred<number>();
    let started = 0;
    const flight = new SingleFlight(() => {
      started += 1;
      return promise;
    });
    const [first, second] = [flight.run(), flight.run()];
    expect([started, flight.current]).toEqual([1, first]);
    resolve(42);
    expect(await Promise.all([first, second])).toEqual([42, 42]);
    expect(flight.current).toBeUndefined();
    await flight.run();
    expect(started).toBe(2);
  });

  it('can begin anew after a failure', async () => {
    let tries = 0;
    const flight = new SingleFlight(async () => {
      tries += 1;
      if (tries === 1) throw new Error('down');
      return tries;
    });
    await expect(flight.run()).rejects.toThrow('down');
    expect(await flight.run()).toBe(2);
  });
});

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
