import type { DeadRecordGroup } from '@tributary/consumer';
import type { PipelineConfig } from '@tributary/shared';

const idOf = ({ endpoint, entity, code, field, reason }: DeadRecordGroup): string =>
  JSON.stringify([endpoint, entity, code, field, reason]);

/** The records that died between two looks, by their fault. */
export function diedSince(before: readonly DeadRecordGroup[], after: readonly DeadRecordGroup[]): DeadRecordGroup[] {
  const known = new Map(before.map((group) => [idOf(group), group]));
  return after
    .map((group) => {
      const { count = 0, again = 0 } = known.get(idOf(group)) ?? {};
      return { ...group, count: group.count - count, again: group.again - again };
    })
    .filter(({ count }) => count > 0);
}

/**
 * The endpoints whose marks would pass a record that died: its own, and those that it is polled for. A record without an
 * endpoint may be of any.
 */
export function endpointsOf(died: readonly DeadRecordGroup[], { endpoints }: PipelineConfig): Set<string> {
  const found = new Set<string>();
  for (const { endpoint } of died) {
    if (!Object.hasOwn(endpoints, endpoint)) return new Set(Object.keys(endpoints));
    for (let id: string | undefined = endpoint; id !== undefined && !found.has(id); ) {
      found.add(id);
      id = endpoints[id]?.parent?.endpoint;
    }
  }
  return found;
}
