import type { Clock } from '@tributary/shared';
import type { Pipeline } from '../library/pipeline.js';
import { flowLine } from './tell.js';

/** A terminal's line is drawn over once a second; a file or pipe gets a new line, and only when something has changed. */
const TERMINAL_EVERY = 1_000;
const PIPE_EVERY = 5_000;

/** Shows what flows until the signal aborts. */
export async function showFlow(
  pipeline: Pipeline,
  out: { readonly isTTY?: boolean; write(text: string): unknown },
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let last = '';
  while (!signal.aborted) {
    const line = flowLine(await pipeline.figures(), pipeline.inFlight());
    if (line !== last) out.write(out.isTTY === true ? `\r\x1b[K${line}` : `${line}\n`);
    last = line;
    await clock.sleep(out.isTTY === true ? TERMINAL_EVERY : PIPE_EVERY, signal);
  }
  if (out.isTTY === true) out.write('\n');
}
