import type { Clock } from '@tributary/shared';
import type { Pipeline } from '../../library/pipeline.js';
import type { Terminal } from '../shell/terminal.js';
import { flowLine } from './tell.js';

/** A terminal's line is drawn over once a second; a file or pipe gets a new line, and only when something has changed. */
const TERMINAL_EVERY = 1_000;
const PIPE_EVERY = 5_000;

/** Shows what flows until the signal aborts. */
export async function showFlow(
  pipeline: Pipeline,
  terminal: Terminal,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let last = '';
  while (!signal.aborted) {
    const line = flowLine(await pipeline.stats());
    if (terminal.isScreen) terminal.status(line, 'stdout');
    else if (line !== last) terminal.write(`${line}\n`);
    last = line;
    await clock.sleep(terminal.isScreen ? TERMINAL_EVERY : PIPE_EVERY, signal);
  }
  if (!terminal.isScreen) return;
  terminal.status(undefined);
  terminal.write(`${last}\n`);
}
