import { hasOwnOrder, isMapping, type PipelineConfig } from '@tributary/shared';
import type { Cursor } from './cursor.js';

/**
 * A stored cursor as it may be kept for later, when the output has gone back to what it is about now.
 *
 * Without `compared`: tombstones that were published since are published again. Of files that are moved or archived when they are read, the place is
 * kept as of what was lost: those that were moved since lie elsewhere. Of a stream nothing is kept: its slot will have gone on, so everything is
 * copied, and what the output holds says which keys it had brought.
 *
 * @returns undefined if everything has to be polled
 */
export function restorableCursor(
  text: string,
  config: PipelineConfig['endpoints'][string] | undefined,
): string | undefined {
  if (config !== undefined && hasOwnOrder(config)) return undefined;
  let saved: unknown;
  try {
    saved = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isMapping(saved)) return undefined;
  const { compared: _, ...cursor } = saved as Partial<Cursor> & { readonly fingerprint?: string };
  const isMoved = config?.source === 'files' && (config.after !== undefined || config.archive !== undefined);
  if (!isMoved) return JSON.stringify(cursor);
  const { fingerprint, place, lost = place } = cursor;
  return JSON.stringify({ fingerprint, validators: [], ...(lost === undefined ? {} : { lost }) });
}
