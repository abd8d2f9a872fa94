import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { describeError, FatalError, RetryableError } from '@tributary/shared';
import type { Reach } from '../../sources/rest/dispatchers.js';

/** This machine, and what only its own network answers, such as the credentials of a cloud at 169.254.169.254. */
const INNER = new BlockList();
INNER.addSubnet('0.0.0.0', 8);
INNER.addSubnet('127.0.0.0', 8);
INNER.addSubnet('169.254.0.0', 16);
INNER.addAddress('::', 'ipv6');
INNER.addAddress('::1', 'ipv6');
INNER.addSubnet('fe80::', 10, 'ipv6');
INNER.addAddress('fd00:ec2::254', 'ipv6');

const isInner = ({ address, family }: LookupAddress): boolean => INNER.check(address, family === 6 ? 'ipv6' : 'ipv4');

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
