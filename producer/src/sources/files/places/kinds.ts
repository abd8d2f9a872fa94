import type { EndpointOf } from '@tributary/shared';
import { LocalPlace } from './local.js';
import type { FilePlace } from './place.js';

/** Where the files of an endpoint lie. */
export function placeOf({ path, after }: EndpointOf<'files'>): FilePlace {
  return new LocalPlace(path, after?.move);
}
