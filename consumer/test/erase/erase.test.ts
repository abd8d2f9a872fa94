import { expect, test } from 'vitest';
import { eraseIn } from '../../src/erase/erase.js';
import { done, type Erasure } from '../../src/erase/erasure.js';
import type { Sink } from '../../src/sinks/port.js';
import { WriterLost } from '../../src/writer-lost.js';
import { pipeline } from '../sinks/records.js';
import { FakeClock, settled } from '../support/fake-clock.js';

const MINUTE = 60_000;

test('a consumer that has begun the next epoch gets the time that it needs, however large the output is', async () => {
  const clock = new FakeClock();
  const needs = 10 * MINUTE;
  let noted: Erasure | undefined;
  let epoch = 'sink.run.1';
  let began = 0;
  const sink: Partial<Sink> = {
    erasures: {
      note: async (erasure) => {
        noted = erasure;
      },
      list: async () => {
        if (noted === undefined) return [];
        // Whoever is interrupted by another epoch begins from the start.
        return [clock.monotonic() - began < needs ? noted : done(noted, clock.now())];
      },
    },
    epoch: async () => epoch,
    beginEpoch: async (name) => {
      epoch = name;
      began = clock.monotonic();
    },
    // A consumer is faster, and does it.
    prepare: async () => {
      throw new WriterLost('lost');
    },
  };
  const erased: Erasure[] = [];
  const stop = new AbortController();
  const of = { entity: 'part', key: 'A' };
  const erasing = eraseIn(sink as Sink, { ...of, config: pipeline(), clock, signal: stop.signal })
    .then((found) => erased.push(found))
    .catch(() => {});
  await settled();
  await clock.advance(60 * MINUTE);
  stop.abort();
  await erasing;
  expect(erased.map(({ todo }) => todo)).toEqual([undefined]);
});
