import { compilePath, isMapping } from '@tributary/shared';
import type { EndpointDraft } from '../draft.js';
import type { Guess, Settings } from '../guess.js';

/** A collection of the same API, of which more was tried: what holds for it holds for the others, if their answers are alike. */
export interface Sibling {
  readonly id: string;
  readonly paging: Settings | undefined;
  readonly incremental: Settings | undefined;
  /** The path of the column that its changes go by. */
  readonly version: string | undefined;
}

/** What others can take over from a collection: only what was proved. */
export function siblingOf({ id, settings, remarks }: EndpointDraft, version: string | undefined): Sibling {
  const { paging, incremental } = settings;
  return {
    id,
    paging: isMapping(paging) && remarks.paging?.isSure === true ? paging : undefined,
    // A condition in a text belongs to its own request.
    incremental:
      isMapping(incremental) && 'parameter' in incremental && remarks.incremental?.isSure === true
        ? incremental
        : undefined,
    version,
  };
}

/** How the pages of another collection follow each other, if this answer may be paged so too. */
export function siblingPaging(sibling: Sibling | undefined, body: unknown): Guess<Settings> | undefined {
  const { id, paging } = sibling ?? {};
  return paging === undefined || !fits(paging, body)
    ? undefined
    : { value: paging, reason: `as for ${id}, where it was tried`, isSure: true };
}

/** What asks for changes of another collection, if the records have the same version. */
export function siblingChanges(sibling: Sibling | undefined, version: string | undefined): Guess<Settings> | undefined {
  const { id, incremental } = sibling ?? {};
  return incremental === undefined || version === undefined || version !== sibling?.version
    ? undefined
    : { value: incremental, reason: `as for ${id}; not tried here`, isSure: false };
}

function fits({ type, next, total, while: flag, until }: Settings, body: unknown): boolean {
  const holds = (path: unknown): boolean => {
    if (typeof path !== 'string') return true;
    const { steps } = compilePath(path);
    // The last step may be missing on the last page.
    return steps.slice(0, -1).every((_, index) => {
      const step = steps[index];
      const above = steps.slice(0, index).reduce<unknown>((value, one) => inside(value, one), body);
      return inside(above, step) !== undefined;
    });
  };
  return type === 'link' || [next, total, flag, until].every(holds);
}

const inside = (value: unknown, step: string | number | undefined): unknown =>
  Array.isArray(value) && typeof step === 'number'
    ? value.at(step)
    : isMapping(value) && typeof step === 'string'
      ? value[step]
      : undefined;
