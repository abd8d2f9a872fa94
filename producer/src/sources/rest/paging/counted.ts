import type { Address } from '../request/address.js';
import type { Counted } from './pager.js';

/** Names that APIs give to parameters that count pages or records. */
const COUNTER = /^_?(page|p|offset|start|skip|start_?at|from|page\[?(number|offset)\]?)$/i;

/** Whether a parameter has such a name. */
export const isCounterName = (parameter: string): boolean => COUNTER.test(parameter);

/** Whether a page was found by its number or its offset, also where the API itself names the next page's URL. */
export function isCounted(counted: Counted, previous: Address | undefined, current: Address): boolean {
  if (previous === undefined || counted === 'never') return false;
  if (counted === 'always') return true;
  const isNumber = (value: string | null) => value === null || /^\d{1,9}$/.test(value);
  return current.entries.some(([name, value]) => {
    const before = previous.parameter(name);
    return isCounterName(name) && value !== before && isNumber(value) && isNumber(before);
  });
}
