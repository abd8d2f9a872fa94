import { expect, test, vi } from 'vitest';
import { QueueWait } from '../../src/publish/queue-wait.js';
import { recordingLog } from '../support/log.js';
import { ManualClock } from '../support/manual-clock.js';

test('a queue that refuses is told though the time of day is set back', () => {
  const clock = new ManualClock();
  const wait = new QueueWait({ clock, log: recordingLog().log }, () => {});
  void wait.begin('customer_data');
  expect(wait.problem).toBeUndefined();
  const [now, monotonic] = [clock.now(), clock.monotonic()];
  vi.spyOn(clock, 'now').mockReturnValue(now - 3_600_000);
  vi.spyOn(clock, 'monotonic').mockReturnValue(monotonic + 60_000);
  expect(wait.problem).toContain('customer_data');
  wait.close();
});
