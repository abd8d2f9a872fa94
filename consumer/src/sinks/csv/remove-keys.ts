import type { Dataset } from '@tributary/shared';
import type { LandedRow } from '../port.js';
import { markOfPart } from './marks.js';
import { forEachSealed, type RewriteSurroundings, rewritePart } from './rewrite.js';

/**
 * Removes keys from the parts of a CSV output, in an epoch that has just begun. Their older rows go first, from all parts: whoever dies in
 * between leaves the newest, so that no older state takes its place. What is newer than that is never touched.
 */
export async function removeCsvKeys(
  options: RewriteSurroundings,
  epoch: string,
  dataset: Dataset,
  newest: ReadonlyMap<string, string>,
): Promise<Record<string, number>> {
  const removed: Record<string, number> = {};
  const { settings, state } = options;
  const orderOf = ({ version, messageId }: LandedRow) => dataset.orderOf(version, messageId);
  const isOlder = (row: LandedRow) => orderOf(row) < (newest.get(row.key) ?? '');
  const isOldOrNewest = (row: LandedRow) => orderOf(row) <= (newest.get(row.key) ?? '');
  for (const isErased of [isOlder, isOldOrNewest]) {
    await forEachSealed(options, epoch, dataset, async (part) => {
      const place = markOfPart(dataset.name, part.name);
      const onFound = async (rows: number) => {
        removed[place] = (removed[place] ?? 0) + rows;
      };
      await rewritePart({ settings, state, dataset, part, isErased, onFound });
    });
  }
  return removed;
}
