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
  for (const isNewestMeant of [false, true]) {
    const isErased = ({ key, version, messageId }: LandedRow) => {
      const last = newest.get(key);
      if (last === undefined) return false;
      const order = dataset.orderOf(version, messageId);
      return order < last || (isNewestMeant && order === last);
    };
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
