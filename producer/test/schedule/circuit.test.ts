import { FatalError, RetryableError } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { Circuit } from '../../src/schedule/circuit.js';

const down = new RetryableError('http_503', 'down');
const settings = { failures: 3, pause: 1_000 };

describe('a circuit', () => {
  it('opens after so many failures in a row, not before', () => {
    const circuit = new Circuit(settings);
    expect([circuit.failed(down, 0), circuit.failed(down, 0)]).toEqual([false, false]);
    circuit.succeeded();
    expect([circuit.failed(down, 0), circuit.failed(down, 0), circuit.allows(0)]).toEqual([false, false, true]);
    expect(circuit.failed(down, 0)).toBe(true);
    expect(circuit.memory).toEqual({ circuit: 'open', failures: 3, retryAt: 1_000 });
    expect([circuit.allows(999), circuit.allows(1_000), circuit.isTrial]).toEqual([false, true, true]);
  });

  it('waits twice as long after each failed trial, up to sixteen pauses', () => {
    const circuit = new Circuit({ failures: 1, pause: 1_000 });
    const waits = Array.from({ length: 7 }, () => {
      circuit.failed(down, 0);
      return circuit.memory.retryAt;
    });
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000]);
  });

  it('closes after a success', () => {
    const circuit = new Circuit({ failures: 1, pause: 1_000 });
    circuit.failed(down, 0);
    circuit.succeeded();
    expect(circuit.memory).toEqual({ circuit: 'closed', failures: 0 });
    expect([circuit.allows(0), circuit.isTrial]).toEqual([true, false]);
  });

  it.each(['http_401', 'http_403'])('opens at once, as refused, at %s', (code) => {
    const circuit = new Circuit(settings);
    expect(circuit.failed(new FatalError(code, 'no'), 0)).toBe(true);
    expect(circuit.memory).toEqual({ circuit: 'refused', failures: 1, retryAt: 1_000 });
    expect(circuit.failed(new FatalError(code, 'no'), 0)).toBe(false);
  });

  it('goes on from what was kept', () => {
    const circuit = new Circuit(settings);
    circuit.resume({ circuit: 'open', failures: 4, retryAt: 5_000 });
    expect([circuit.allows(4_999), circuit.allows(5_000)]).toEqual([false, true]);
    circuit.resume(undefined);
    expect(circuit.allows(0)).toBe(true);
  });
});
