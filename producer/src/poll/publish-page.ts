import { isMapping, ORIGIN } from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';
import type { OutgoingMessage } from '../publish/messages.js';
import type { Shape } from '../shape/shape.js';
import type { Page } from '../sources/port.js';
import type { Outgoing } from './outgoing.js';
import type { PageTraces } from './page-traces.js';
import type { PollProgress } from './progress.js';

/** How the records of one endpoint are published within one run. */
export interface Publishing {
  readonly endpoint: Endpoint;
  readonly shape: Shape;
  readonly progress: PollProgress;
  readonly outgoing: Outgoing;
  readonly messageOf: (record: unknown, fetchedAt: number) => OutgoingMessage;
  /** Called with each record that has a key, also with one that a filter leaves out. */
  readonly onRecord?: (message: OutgoingMessage) => void;
  /** Called for each record without a key: it is not published. */
  readonly onLeftOut: () => void;
  /** Tells of the page; undefined where nothing is traced. */
  readonly traces: PageTraces | undefined;
}

/**
 * Shapes, counts and publishes the records of a page.
 * @returns the raw records that were published, and not as deleted: there is nothing below a record that is deleted
 */
export function publishPage(page: Page, publishing: Publishing): Promise<unknown[]> {
  const { endpoint, traces } = publishing;
  const publish = () => publishRecords(page, publishing);
  return traces === undefined ? publish() : traces.publish(page, endpoint, publish);
}

async function publishRecords(
  page: Page,
  { endpoint, shape, progress, outgoing, messageOf, onRecord, onLeftOut }: Publishing,
): Promise<unknown[]> {
  const published: unknown[] = [];
  for (const [index, raw] of page.records.entries()) {
    const { record, isFiltered, isDeleted } = shape.of(raw);
    if (page.originOf !== undefined) noteOrigin(endpoint, record, page.originOf, index);
    const message = messageOf(record, page.fetchedAt);
    const isAccepted = progress.accepts(message, isFiltered);
    if (isAccepted || isFiltered) onRecord?.(message);
    else onLeftOut();
    if (!isAccepted) continue;
    if (isDeleted) progress.deletes('marked', 1);
    else published.push(raw);
    const room = outgoing.publish(message, isDeleted);
    if (room !== undefined) await room;
  }
  await outgoing.flush();
  shape.tell();
  return published;
}

/** A record that the consumer will dead-letter tells where it came from. */
function noteOrigin({ entity }: Endpoint, record: unknown, originOf: (index: number) => string, index: number): void {
  if (isMapping(record) && !entity.accepts(record)) record[ORIGIN] = originOf(index);
}
