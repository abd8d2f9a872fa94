import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { withTimeout } from '../../src/service/with-timeout.js';

describe('a signal with a timeout', () => {
  it('aborts when its time is over, also where memory is collected meanwhile', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const stopped = new AbortController();
    let reason: unknown;
    withTimeout(stopped.signal, 200).addEventListener('abort', (event) => {
      reason = (event.target as AbortSignal).reason;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    collect();
    await new Promise((resolve) => setTimeout(resolve, 50));
    collect();
    await expect.poll(() => (reason as Error | undefined)?.name).toBe('TimeoutError');
  });

  it('aborts with the other one, also if that had aborted before', () => {
    const stopped = new AbortController();
    const later = withTimeout(stopped.signal, 60_000);
    stopped.abort('over');
    expect([later.reason, withTimeout(stopped.signal, 60_000).reason]).toEqual(['over', 'over']);
  });
});
