import { follow } from './follow.js';
import type { Pager } from './pager.js';

/** The `Link` header of each answer names the next page's URL. */
export const linkPager = (): Pager => ({
  counted: 'maybe',
  mayRepeat: false,
  isByHeader: true,
  first: { values: {} },
  next(_current, { link, asked }) {
    const target = link === undefined ? undefined : linkTarget(link, 'next');
    return target === undefined ? undefined : { address: follow(asked, target, 'the Link header') };
  },
});

const PARAMETER = String.raw`;\s*([^\s=;,]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?`;
const LINK = new RegExp(String.raw`<([^<>]*)>((?:\s*${PARAMETER.replaceAll(/\((?!\?)/g, '(?:')})*)`, 'g');

/**
 * The target of the first link of a relation in a `Link` header (RFC 8288, section 3), unchanged.
 *
 * @param header the header's value; several headers joined with commas
 */
export function linkTarget(header: string, relation: string): string | undefined {
  for (const [, target = '', parameters = ''] of header.matchAll(LINK)) {
    // Of several rel parameters only the first counts (RFC 8288, section 3.3).
    const rel = [...parameters.matchAll(new RegExp(PARAMETER, 'g'))].find(([, name]) => name?.toLowerCase() === 'rel');
    const relations = (rel?.[2] ?? rel?.[3] ?? '').toLowerCase().split(/\s+/);
    if (relations.includes(relation)) return target;
  }
  return undefined;
}
