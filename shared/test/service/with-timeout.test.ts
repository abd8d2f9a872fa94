import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, onTestFinished } from 'vitest';
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

  it('is one of many of a signal, such as of requests to S3, and Node warns of no leak', async () => {
    const warnings: string[] = [];
    const onWarning = ({ name }: Error) => warnings.push(name);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const stopped = new AbortController();
    const made = Array.from({ length: 20 }, () => withTimeout(stopped.signal, 60_000));
    await new Promise((resolve) => setTimeout(resolve, 20));
    stopped.abort();
    expect(made.every(({ aborted }) => aborted)).toBe(true);
    expect(warnings).toEqual([]);
  });
});
