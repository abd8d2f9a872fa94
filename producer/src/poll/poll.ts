import { type Clock, interruptible } from '@tributary/shared';
import type { CursorStore } from '../cursor/cursor.js';
import type { Endpoint } from '../endpoint.js';
import type { Ids } from '../publish/ids.js';
import { messageMaker } from '../publish/messages.js';
import type { Publisher } from '../publish/publisher.js';
import type { Source } from '../sources/port.js';
import type { PollProgress } from './progress.js';
import { readAhead } from './read-ahead.js';
import { type Walk, Walks } from './walks.js';

/** How one run differs from another. */
export interface RunManner {
  /** The endpoint failed until now: if its first request fails, it is not repeated, and the run is over. */
  readonly trial: boolean;
  /** Everything is fetched, and the saved cursor is not used. */
  readonly full: boolean;
}

export interface PollSteps {
  readonly source: Source;
  readonly publisher: Pick<Publisher, 'begin'>;
  readonly cursors: CursorStore;
  readonly clock: Clock;
  readonly ids: Ids;
}

/**
 * One poll: reads the cursor, fetches the pages, makes a message of each record, publishes it, awaits every confirm, and
 * only then advances the cursor. A crash or a failure on the way repeats the poll, and the consumer drops the repeats.
 * Pages that may have moved while they were read are read again.
 *
 * @param progress counts what the poll does, also if it fails
 * @param signal aborts requests and waits; records already fetched are still published
 * @throws the error that ended it early
 */
export async function poll(
  endpoint: Endpoint,
  steps: PollSteps,
  progress: PollProgress,
  signal: AbortSignal,
  { trial, full }: RunManner = { trial: false, full: false },
) {
  const { source, publisher, cursors, clock, ids } = steps;
  const { run, cursor: saved, notBefore } = await interruptible(cursors.begin(endpoint, clock.now()), signal);
  const cursor = full ? { validators: [] } : saved;
  ids.notBefore(notBefore);
  const messageOf = messageMaker(endpoint, run, ids);
  const messages = publisher.begin();
  progress.begin(run, messages, notBefore);

  const walks = new Walks(endpoint, cursor, clock.now(), source.countsPages);
  let asked = { since: walks.since, validators: cursor.validators, trial };
  let walk: Walk;
  do {
    walk = walks.begin(clock.now());
    for await (const page of readAhead((reading) => source.pages({ ...asked, signal: reading }), signal)) {
      progress.page(page);
      walk.page(page);
      for (const record of page.records) {
        const message = messageOf(record, page.fetchedAt);
        if (!progress.accepts(message)) continue;
        walk.record(message);
        const room = messages.publish(message);
        if (room !== undefined) await room;
      }
    }
    asked = { ...asked, validators: [], trial: false };
  } while (walks.again(walk));

  await messages.flush();
  progress.confirmed(clock.now());
  if (!walks.settled) progress.neverStood();
  await cursors.save(endpoint, walks.cursor());
}
