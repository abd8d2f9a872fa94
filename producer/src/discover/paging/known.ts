import type { Settings } from '../guess.js';
import type { Beside } from './envelope.js';

/** Kinds of servers that are known by their addresses or by their answers, and what skips records there. */
const KNOWN: readonly { readonly address?: RegExp; readonly beside?: RegExp; readonly offset: string }[] = [
  { address: /\/resource\/\w{4}-\w{4}(\.json)?$/, offset: '$offset' },
  { address: /\/(Feature|Map)Server\/\d+\/query$/, offset: 'resultOffset' },
  { address: /\/api\/now\/(v\d\/)?table\//, offset: 'sysparm_offset' },
  { address: /\/odata\//i, offset: '$skip' },
  { beside: /^\$\._shards\./, offset: 'from' },
  { beside: /^\$\.responseHeader\./, offset: 'start' },
];

/** The parameter that skips records, if the kind of the server is known. */
export const knownOffset = ({ url }: Settings, besides: readonly Beside[]): string | undefined =>
  KNOWN.find(
    ({ address, beside }) =>
      address?.test(String(url)) === true || besides.some(({ path }) => beside?.test(path) === true),
  )?.offset;
