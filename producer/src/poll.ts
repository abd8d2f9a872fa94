import type { Clock } from '@tributary/shared';
import type { CursorStore, Validator } from './cursor.js';
import type { Endpoint } from './endpoint.js';
import type { Ids } from './ids.js';
import { interruptible } from './interruptible.js';
import { HighWaterMark } from './mark.js';
import { messageMaker } from './messages.js';
import type { PollProgress } from './progress.js';
import type { Publisher } from './publish.js';
import { readAhead } from './read-ahead.js';
import type { Source } from './sources/port.js';

export interface PollSteps {
  readonly source: Source;
  readonly publisher: Pick<Publisher, 'begin'>;
  readonly cursors: CursorStore;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** Pages beyond this many are asked for without conditions, so that a cursor stays small. */
const MAX_VALIDATORS = 100;

/**
 * One poll: reads the cursor, fetches the pages, makes a message of each record, publishes it, awaits every confirm, and
 * only then advances the cursor. A crash or a failure on the way repeats the poll, and the consumer drops the repeats.
 *
 * @param progress is told how far it came, also if it fails
 * @param signal aborts what has no end of its own; records already fetched are still published
 * @throws whatever keeps it from coming to its end
 */
export async function poll(endpoint: Endpoint, steps: PollSteps, progress: PollProgress, signal: AbortSignal) {
  const startedAt = steps.clock.now();
  const { run, cursor } = await interruptible(steps.cursors.begin(endpoint), signal);
  const mark = new HighWaterMark(endpoint, cursor.mark, startedAt);
  const validators: Validator[] = [];
  const messageOf = messageMaker(endpoint, run, steps.ids);
  const messages = steps.publisher.begin();
  progress.begin(run, messages);

  const asked = { since: mark.since(), validators: cursor.validators };
  for await (const page of readAhead((reading) => steps.source.pages({ ...asked, signal: reading }), signal)) {
    progress.page(page);
    mark.seeClock(page.serverTime);
    const fetchedAt = new Date(page.fetchedAt).toISOString();
    for (const record of page.records) {
      const message = messageOf(record, fetchedAt);
      progress.record(message);
      mark.see(message.envelope.version);
      const full = messages.publish(message);
      if (full !== undefined) await full;
    }
    if (page.validator !== undefined && validators.length < MAX_VALIDATORS) validators.push(page.validator);
  }

  await messages.flush();
  const reached = mark.reached();
  await steps.cursors.save(endpoint, reached === undefined ? { validators } : { mark: reached, validators });
}
