import { describe, expect, it } from 'vitest';
import { readAhead } from '../../src/poll/read-ahead.js';

/** A sequence that notes what was asked of it, and that waits at `hold` until it is aborted. */
function sequence(length: number, hold = -1) {
  const noted: string[] = [];
  async function* open(signal: AbortSignal): AsyncGenerator<number, void, undefined> {
    try {
      for (let item = 0; item < length; item++) {
        noted.push(`asked ${item}`);
        if (item === hold) {
          await new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason));
          });
        }
        yield item;
      }
    } finally {
      noted.push('ended');
    }
  }
  return { open, noted };
}

const never = new AbortController().signal;

describe('readAhead', () => {
  it('asks for one item more than was read, and no further', async () => {
    const { open, noted } = sequence(4);
    const seen: [number, number][] = [];
    for await (const item of readAhead(open, never)) {
      // Nothing but promises lies between the asking and the item.
      await new Promise((resolve) => setImmediate(resolve));
      seen.push([item, noted.filter((note) => note.startsWith('asked')).length]);
    }
    expect(seen).toEqual([
      [0, 2],
      [1, 3],
      [2, 4],
      [3, 4],
    ]);
    expect(noted.at(-1)).toBe('ended');
  });

  it('yields every item before a failure, and then the failure', async () => {
    async function* open(): AsyncGenerator<number, void, undefined> {
      yield 1;
      yield 2;
      throw new Error('page 3 is gone');
    }
    const seen: number[] = [];
    const reading = async () => {
      for await (const item of readAhead(open, never)) {
        await new Promise((resolve) => setImmediate(resolve));
        seen.push(item);
      }
    };
    await expect(reading()).rejects.toThrow('page 3 is gone');
    expect(seen).toEqual([1, 2]);
  });

  it('aborts the item that it reads ahead when the caller stops reading, and waits for its end', async () => {
    const { open, noted } = sequence(3, 1);
    const reading = async () => {
      for await (const _item of readAhead(open, never)) throw new Error('the broker is gone');
    };
    await expect(reading()).rejects.toThrow('the broker is gone');
    expect(noted).toEqual(['asked 0', 'asked 1', 'ended']);
  });

  it('aborts with the signal, with its reason', async () => {
    const { open, noted } = sequence(3, 1);
    const stop = new AbortController();
    const seen: number[] = [];
    const reading = async () => {
      for await (const item of readAhead(open, stop.signal)) {
        seen.push(item);
        stop.abort(new Error('stopping'));
      }
    };
    await expect(reading()).rejects.toThrow('stopping');
    expect([seen, noted.at(-1)]).toEqual([[0], 'ended']);
    await expect(reading()).rejects.toThrow('stopping');
  });
});
