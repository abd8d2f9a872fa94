import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describeError, FatalError, RetryableError } from '@tributary/shared';
import type { Reach } from '../../sources/rest/dispatchers.js';

/** This machine, and what only its own network answers, such as the credentials of a cloud at 169.254.169.254. */
const INNER = new BlockList();
INNER.addSubnet('0.0.0.0', 8);
INNER.addSubnet('127.0.0.0', 8);
INNER.addSubnet('169.254.0.0', 16);
INNER.addSubnet('fe80::', 10, 'ipv6');
// With `::` and `::1`, what IPv6 embeds of the addresses above: as it is, by NAT64 (RFC 6052), and by 6to4 (RFC 3056).
INNER.addSubnet('::', 96, 'ipv6');
INNER.addSubnet('64:ff9b::7f00:0', 104, 'ipv6');
INNER.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6');
INNER.addSubnet('2002:7f00::', 24, 'ipv6');
INNER.addSubnet('2002:a9fe::', 32, 'ipv6');
// Where clouds give out credentials that are not link-local: Alibaba, Azure, Oracle; AWS and Google over IPv6.
INNER.addAddress('100.100.100.200');
INNER.addAddress('168.63.129.16');
INNER.addSubnet('192.0.0.0', 24);
INNER.addAddress('fd00:ec2::254', 'ipv6');
INNER.addAddress('fd20:ce::254', 'ipv6');

const isInner = ({ address, family }: LookupAddress): boolean =>
  INNER.check(address, family === 6 ? 'ipv6' : 'ipv4') || isOwn(address);

/** Whether it is one of this machine's addresses in its networks: what listens on all of them is reached there too. */
const isOwn = (address: string): boolean =>
  Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === address));

/** Finds the addresses of a host; as node:dns does. */
export type Resolve = (host: string) => Promise<LookupAddress[]>;
const resolveAll: Resolve = (host) => lookup(host, { all: true });

/**
 * Lets requests go to the server of a URL alone, at the addresses that its name has now: a name that leads elsewhere a moment later (DNS
 * rebinding) is not asked for again.
 *
 * @throws FatalError if the name leads to this machine or to a link-local address, and the URL does not say so itself
 * @throws RetryableError if the name cannot be looked up
 */
export async function reachOf(url: string, resolve: Resolve = resolveAll): Promise<Reach> {
  const { origin, hostname } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  const addresses = family === 0 ? await addressesOf(host, resolve) : [{ address: host, family }];
  const saysSo = family !== 0 || /(^|\.)localhost$/.test(host);
  const inner = saysSo ? undefined : addresses.find(isInner);
  if (inner !== undefined) {
    throw new FatalError(
      'address_refused',
      `${host} leads to ${inner.address}, which is this machine or its own network: nothing is asked there, unless the URL has that address itself`,
    );
  }
  return {
    origin,
    refuseOthers(other) {
      if (new URL(other).origin !== origin)
        throw new FatalError('address_refused', `${origin} leads to ${other}, another server: nothing is asked there`);
    },
    lookup(_host, options, done) {
      const wanted = addresses.filter((one) => !options.family || Number(options.family) === one.family);
      const [first] = wanted;
      if (first === undefined) done(new Error(`${host} has no address of this family`), '', 0);
      else if (options.all === true) done(null, wanted);
      else done(null, first.address, first.family);
    },
  };
}

async function addressesOf(host: string, resolve: Resolve): Promise<LookupAddress[]> {
  try {
    return await resolve(host);
  } catch (cause) {
    throw new RetryableError('network', `${host} cannot be looked up: ${describeError(cause)}`, { cause });
  }
}
