import { hostOf, stateOf } from '../../ui/endpoint-state.js';

/** More endpoints than this are shown by host, and more hosts than this as one group, so that the picture fits one screen. */
const MOST_ENDPOINTS = 12;
const MOST_HOSTS = 8;

const isFailing = (endpoint) => stateOf(endpoint) === 'failing';

/**
 * The endpoints as the picture shows them: each by itself, or where there are many by host, those that fail first.
 *
 * @returns {{ name: string, search: string | undefined, members: object[] }[]} without `search`, an endpoint by itself
 */
export function sourceGroups(endpoints) {
  if (endpoints.length <= MOST_ENDPOINTS)
    return endpoints.map((endpoint) => ({ name: endpoint.id, members: [endpoint] }));
  const hosts = new Map();
  for (const endpoint of endpoints) {
    const host = hostOf(endpoint);
    hosts.set(host, [...(hosts.get(host) ?? []), endpoint]);
  }
  const rank = ({ members }) => (members.some(isFailing) ? 0 : 1);
  const groups = [...hosts]
    .map(([name, members]) => ({ name, search: name, members }))
    .sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
  if (groups.length <= MOST_HOSTS) return groups;
  const others = groups.slice(MOST_HOSTS - 1);
  return [
    ...groups.slice(0, MOST_HOSTS - 1),
    { name: `${others.length} other hosts`, search: '', members: others.flatMap(({ members }) => members) },
  ];
}

/** How many of them fail. */
export const failingOf = (members) => members.filter(isFailing).length;
