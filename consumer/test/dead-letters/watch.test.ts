import { expect, test, vi } from 'vitest';
import { HeldLetters } from '../../src/dead-letters/letter.js';
import { watchLetters } from '../../src/dead-letters/watch.js';
import { FakeClock } from '../support/fake-clock.js';
import { log } from '../support/records.js';

test('letters that cannot be buried are told though the time of day is set back', async () => {
  const clock = new FakeClock();
  const held = new HeldLetters(10, 1_000);
  vi.spyOn(held, 'size', 'get').mockReturnValue(1);
  vi.spyOn(held, 'counts', 'get').mockReturnValue(new Map([['q', 1]]));
  const told: (string | undefined)[] = [];
  const over = new AbortController();
  const watching = watchLetters({
    held,
    clock,
    log,
    over: over.signal,
    buried: () => 0,
    why: () => 'RabbitMQ is short of memory',
    onProblem: (_queue, problem) => told.push(problem),
    onHeld: () => {},
  });
  const now = clock.now();
  vi.spyOn(clock, 'now').mockReturnValue(now - 3_600_000);
  for (let second = 0; second < 4; second++) await clock.advance(1_000);
  expect(told.at(-1)).toContain('RabbitMQ is short of memory');
  over.abort();
  await clock.advance(1_000);
  await watching;
});
