import { afterEach, describe, expect, it, vi } from 'vitest';
import { createIds, startTrace } from '../../src/publish/ids.js';

const ids = createIds();
const messageId = () => ids.messageId(Date.now());

afterEach(() => void vi.restoreAllMocks());

function expectRising(count: number): void {
  let last = messageId();
  for (let index = 0; index < count; index++) {
    const next = messageId();
    if (next <= last) expect.fail(`${next} does not come after ${last}`);
    last = next;
  }
}

describe('message ids', () => {
  it('are UUIDs of version 7', () => {
    expect(messageId()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('rise from one to the next', () => expectRising(50_000));

  it('rise while the clock stands still', () => {
    const now = Date.now();
    vi.spyOn(Date, 'now').mockReturnValue(now);
    expectRising(50_000);
  });

  it('rise while the clock steps back, and when it goes on', () => {
    const now = Date.now() + 10_000;
    const clock = vi.spyOn(Date, 'now').mockReturnValue(now);
    expectRising(1_000);
    const before = messageId();
    clock.mockReturnValue(now - 3_600_000);
    expect(messageId() > before).toBe(true);
    expectRising(1_000);
    const behind = messageId();
    clock.mockReturnValue(now + 1);
    expect(messageId() > behind).toBe(true);
    expectRising(1_000);
  });
});

describe('message ids of a producer whose clock was set back', () => {
  it('come after those of the time that they must not be before', () => {
    const [ahead, behind] = [createIds(), createIds()];
    const last = ahead.messageId(1_800_000_000_000);
    expect(behind.messageId(1_700_000_000_000) < last).toBe(true);
    behind.notBefore(1_800_000_000_001);
    const next = behind.messageId(1_700_000_000_000);
    expect(next > last).toBe(true);
    behind.notBefore(1_600_000_000_000);
    expect(behind.messageId(1_700_000_000_000) > next).toBe(true);
  });
});

describe('traces', () => {
  it('give each message of a run a span of its own in one trace (W3C Trace Context)', () => {
    const next = startTrace(ids);
    const spans = Array.from({ length: 1_000 }, next);
    expect(spans[0]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(new Set(spans).size).toBe(1_000);
    expect(new Set(spans.map((span) => span.split('-')[1])).size).toBe(1);
  });

  it('differ from run to run', () => {
    expect(startTrace(ids)().slice(3, 35)).not.toBe(startTrace(ids)().slice(3, 35));
  });
});
