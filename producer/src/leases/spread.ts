import { createHash } from 'node:crypto';

/**
 * Which producer polls which endpoint. Every producer computes the same result from the same list, so no leader is needed.
 * Each endpoint goes to the producer that ranks highest for it (rendezvous hashing), unless that one has its fair share
 * already. When a producer comes or goes, most endpoints of the others stay where they are.
 *
 * @param living the endpoints that each living producer knows; during a deployment they may differ
 */
export function spread(living: ReadonlyMap<string, readonly string[]>): Map<string, Set<string>> {
  const shares = new Map([...living.keys()].map((producer) => [producer, new Set<string>()]));
  const endpoints = [...new Set([...living.values()].flat())].sort();
  const fairShare = Math.ceil(endpoints.length / Math.max(1, living.size));
  for (const endpoint of endpoints) {
    const ranked = [...living]
      .filter(([, known]) => known.includes(endpoint))
      .map(([producer]) => ({ share: shares.get(producer) ?? new Set<string>(), rank: rank(producer, endpoint) }))
      .sort((a, b) => (a.rank < b.rank ? 1 : -1));
    (ranked.find(({ share }) => share.size < fairShare) ?? ranked[0])?.share.add(endpoint);
  }
  return shares;
}

const rank = (producer: string, endpoint: string): string =>
  createHash('sha1').update(`${producer} ${endpoint}`).digest('hex');
