import { BlockList, isIP } from 'node:net';
import { FatalError } from '@tributary/shared';

/** How many proxies stand before the dashboard, or where they are; false for none that is believed. */
export type TrustProxy = false | number | readonly string[];

/** Names of networks that need no number: 127.0.0.0/8 and ::1; 169.254.0.0/16 and fe80::/10; the private ones. */
const NAMED = ['loopback', 'linklocal', 'uniquelocal'];
/** A network with a shorter prefix is not that of a proxy: it would let clients say what they like. */
const SHORTEST_PREFIX = 8;
const EXPECTED = `expected how many proxies there are (1 to 9), or their addresses and networks with commas between them, such as 10.0.0.2, 10.0.0.0/8 or ${NAMED.join(', ')}`;

/**
 * @param text TRUST_PROXY
 * @throws FatalError for what is neither a number nor a list of addresses, and for what would trust everybody
 */
export function readTrustProxy(text: string | undefined): TrustProxy {
  const entries = (text ?? '').split(',').map((entry) => entry.trim());
  if (entries.every((entry) => entry === '')) return false;
  const [first = ''] = entries;
  if (entries.length === 1 && /^[1-9]$/.test(first)) return Number(first);
  const wrong = entries.find((entry) => !NAMED.includes(entry) && !isNetwork(entry));
  if (wrong === undefined) return entries;
  throw new FatalError('settings_invalid', `TRUST_PROXY holds "${wrong.slice(0, 80)}": ${EXPECTED}`);
}

function isNetwork(entry: string): boolean {
  const [address = '', prefix, ...rest] = entry.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  const length = /^\d{1,3}$/.test(prefix) ? Number(prefix) : 0;
  if (length < SHORTEST_PREFIX || length > (version === 4 ? 32 : 128)) return false;
  return version === 4 || length >= MAPPED + SHORTEST_PREFIX || !holdsIPv4(address, length);
}

/** Bits of IPv6 before an address of IPv4 that is written in it (RFC 4291): `::ffff:0:0/96` and `::/8` hold every address of IPv4. */
const MAPPED = 96;

function holdsIPv4(address: string, length: number): boolean {
  const [all, network] = [new BlockList(), new BlockList()];
  all.addSubnet('::ffff:0:0', MAPPED, 'ipv6');
  network.addSubnet(address, length, 'ipv6');
  return all.check(address, 'ipv6') || network.check('::ffff:0:0', 'ipv6');
}
