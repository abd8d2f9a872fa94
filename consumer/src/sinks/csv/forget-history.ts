import { type Dataset, listParts } from '@tributary/shared';
import type { LandedRow } from '../port.js';
import { markOfPart } from './marks.js';
import type { PartReader } from './part-reader.js';
import { forEachSealed, type RewriteSurroundings, rewritePart } from './rewrite.js';

export interface ForgetHistoryOptions extends RewriteSurroundings {
  readonly reader: PartReader;
}

type Reading = Pick<ForgetHistoryOptions, 'settings' | 'datasets' | 'reader'>;

/** Whether {@link forgetCsvHistory} would remove anything. */
export async function hasOldCsvStates(options: Reading, before: number): Promise<boolean> {
  const until = new Date(before).toISOString();
  for (const dataset of options.datasets) {
    if ((await findReplaced(options, dataset, until)).size > 0) return true;
  }
  return false;
}

/** As a writer writes it. A spreadsheet that saved the part may have put another form there, which says nothing. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** What is known of a key: the newest order that was written before the time, and the oldest of all. */
interface Orders {
  before: string;
  oldest: string;
}

/**
 * Removes older states from the parts of a CSV output, in an epoch that has just begun.
 *
 * The row that replaced the others stays, so whoever is interrupted, or is held up while another does the same, finds the same row once
 * more, or a newer one: what goes is the same, or more.
 */
export async function forgetCsvHistory(
  options: ForgetHistoryOptions,
  epoch: string,
  before: number,
): Promise<Record<string, number>> {
  const removed: Record<string, number> = {};
  const until = new Date(before).toISOString();
  for (const dataset of options.datasets) {
    const replaced = await findReplaced(options, dataset, until);
    if (replaced.size === 0) continue;
    const isErased = ({ key, version, messageId }: LandedRow) => {
      const orders = replaced.get(key);
      return orders !== undefined && dataset.orderOf(version, messageId) < orders.before;
    };
    const { settings, state } = options;
    await forEachSealed(options, epoch, dataset, async (part) => {
      const onFound = async (rows: number) => {
        removed[markOfPart(dataset.name, part.name)] = rows;
      };
      await rewritePart({ settings, state, dataset, part, isErased, onFound });
    });
  }
  return removed;
}

/** The keys of which there are rows to be removed. */
async function findReplaced({ settings, reader }: Reading, dataset: Dataset, until: string) {
  const found = new Map<string, Orders>();
  for (const part of await listParts(settings.directory, dataset.name)) {
    for await (const row of reader.rows(part, dataset)) {
      const order = dataset.orderOf(row.version, row.messageId);
      const orders = found.get(row.key);
      const { writtenAt = '' } = row;
      const isBefore = TIME.test(writtenAt) && writtenAt < until;
      if (orders === undefined) {
        found.set(row.key, { before: isBefore ? order : '', oldest: order });
        continue;
      }
      if (isBefore && order > orders.before) orders.before = order;
      if (order < orders.oldest) orders.oldest = order;
    }
  }
  for (const [key, { before, oldest }] of found) if (before <= oldest) found.delete(key);
  return found;
}
