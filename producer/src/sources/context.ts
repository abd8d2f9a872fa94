import { isMapping } from '@tributary/shared';
import { CONTEXT } from './port.js';

/**
 * Adds to each record of a child the parent's record, as `$parent`, and to each record of an endpoint with `for` its values,
 * as `$for`, so that fields can take them: an answer often lacks what stood in the request.
 *
 * @returns undefined where there is nothing to add
 */
export function contextAdder(
  parent: unknown,
  chosen: Readonly<Record<string, unknown>>,
): ((record: unknown) => unknown) | undefined {
  const context: Record<string, unknown> = {};
  if (parent !== undefined) context[CONTEXT.parent] = parent;
  if (Object.keys(chosen).length > 0) context[CONTEXT.for] = chosen;
  if (Object.keys(context).length === 0) return undefined;
  return (record) => (isMapping(record) ? Object.assign(Object.create(null), record, context) : record);
}
