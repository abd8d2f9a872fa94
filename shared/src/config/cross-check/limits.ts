import { expectedOneOf } from '../../words.js';
import type { Fault } from '../fault.js';
import type { PipelineConfig } from '../schema.js';
import { urlsOf } from '../source-facts.js';
import { withoutPlaceholders } from '../values.js';

/** A host that is misspelled would have no limits of its own, and no other check would notice. */
export function* checkLimits({ endpoints, limits }: PipelineConfig): Generator<Fault> {
  const urls = Object.values(endpoints).flatMap(urlsOf);
  const hosts = new Set(urls.map(withoutPlaceholders).flatMap((url) => (URL.canParse(url) ? [new URL(url).host] : [])));
  for (const host of Object.keys(limits.hosts)) {
    if (!hosts.has(host))
      yield { path: `limits.hosts.${host}`, message: `no endpoint is there: ${expectedOneOf(hosts)}` };
  }
}
