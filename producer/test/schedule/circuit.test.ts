import { FatalError, RetryableError } from '@tributary/shared';
import { beforeEach, describe, expect, it } from 'vitest';
import { Circuit } from '../../src/schedule/circuit.js';
import { ManualClock } from '../support/manual-clock.js';

const down = new RetryableError('http_503', 'down');
const settings = { failures: 3, pause: 1_000 };

describe('a circuit', () => {
  let clock: ManualClock;
  beforeEach(() => {
    clock = new ManualClock(0);
  });
  const allowsAfter = async (circuit: Circuit, milliseconds: number) => {
    await clock.advance(milliseconds);
    return circuit.allows;
  };

  it('opens after so many failures in a row, not before', async () => {
    const circuit = new Circuit(settings, clock);
    expect([circuit.failed(down), circuit.failed(down)]).toEqual([false, false]);
    circuit.succeeded();
    expect([circuit.failed(down), circuit.failed(down), circuit.allows]).toEqual([false, false, true]);
    expect(circuit.failed(down)).toBe(true);
    expect(circuit.memory).toEqual({ circuit: 'open', failures: 3, retryAt: 1_000 });
    expect([await allowsAfter(circuit, 999), await allowsAfter(circuit, 1), circuit.isTrial]).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('waits twice as long after each failed trial, up to sixteen pauses', () => {
    const circuit = new Circuit({ failures: 1, pause: 1_000 }, clock);
    const waits = Array.from({ length: 7 }, () => {
      circuit.failed(down);
      return circuit.memory.retryAt;
    });
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000]);
  });

  it('closes after a success', () => {
    const circuit = new Circuit({ failures: 1, pause: 1_000 }, clock);
    circuit.failed(down);
    circuit.succeeded();
    expect(circuit.memory).toEqual({ circuit: 'closed', failures: 0 });
    expect([circuit.allows, circuit.isTrial]).toEqual([true, false]);
  });

  it.each(['http_401', 'http_403'])('opens at once, as refused, at %s', (code) => {
    const circuit = new Circuit(settings, clock);
    expect(circuit.failed(new FatalError(code, 'no'))).toBe(true);
    expect(circuit.memory).toEqual({ circuit: 'refused', failures: 1, retryAt: 1_000 });
    expect(circuit.failed(new FatalError(code, 'no'))).toBe(false);
  });

  it('goes on from what was kept', async () => {
    const circuit = new Circuit(settings, clock);
    circuit.resume({ circuit: 'open', failures: 4, retryAt: 2_000 });
    expect([await allowsAfter(circuit, 1_999), await allowsAfter(circuit, 1)]).toEqual([false, true]);
    circuit.resume(undefined);
    expect(circuit.allows).toBe(true);
  });

  it.each([-3_600_000, 3_600_000])(
    'tries again after its pause, however the time of day is set meanwhile: by %i ms',
    async (step) => {
      const circuit = new Circuit({ failures: 1, pause: 60_000 }, clock);
      circuit.failed(down);
      clock.set(clock.now() + step);
      expect([await allowsAfter(circuit, 59_999), await allowsAfter(circuit, 1)]).toEqual([false, true]);
    },
  );

  it('waits no longer than its pause for a time that was stored by a clock that was ahead', async () => {
    const circuit = new Circuit({ failures: 1, pause: 60_000 }, clock);
    circuit.resume({ circuit: 'open', failures: 1, retryAt: 3_600_000 });
    expect(circuit.memory.retryAt).toBe(60_000);
    expect([await allowsAfter(circuit, 59_999), await allowsAfter(circuit, 1)]).toEqual([false, true]);
  });
});
