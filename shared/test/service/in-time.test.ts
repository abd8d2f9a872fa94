import { describe, expect, it } from 'vitest';
import { inTime, systemClock } from '../../src/index.js';

const late = () => new Error('too late');

describe('work that is waited for so long', () => {
  it('gives what it comes to, or its error', async () => {
    expect(await inTime(systemClock, 60_000, Promise.resolve(17), late)).toBe(17);
    await expect(inTime(systemClock, 60_000, Promise.reject(new Error('no disk')), late)).rejects.toThrow('no disk');
  });

  it('is waited for no longer; that it fails afterwards ends nothing', async () => {
    let fail = (_reason: Error) => {};
    const work = new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
    await expect(inTime(systemClock, 5, work, late)).rejects.toThrow('too late');
    fail(new Error('no disk'));
    await systemClock.sleep(5);
  });
});
