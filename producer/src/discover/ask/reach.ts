import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describeError, FatalError, RetryableError } from '@tributary/shared';
import type { Reach } from '../../sources/rest/dispatchers.js';

/** This machine. Where IPv6 embeds its addresses: as they are (with `::` and `::1`), by NAT64 (RFC 6052), and by 6to4 (RFC 3056). */
const OWN = new BlockList();
OWN.addSubnet('0.0.0.0', 8);
OWN.addSubnet('127.0.0.0', 8);
OWN.addSubnet('::', 96, 'ipv6');
OWN.addSubnet('64:ff9b::7f00:0', 104, 'ipv6');
OWN.addSubnet('2002:7f00::', 24, 'ipv6');

/** What only this machine's own network answers, such as the credentials of a cloud at 169.254.169.254. */
const LINK = new BlockList();
LINK.addSubnet('169.254.0.0', 16);
LINK.addSubnet('fe80::', 10, 'ipv6');
LINK.addSubnet('::a9fe:0', 112, 'ipv6');
LINK.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6');
LINK.addSubnet('2002:a9fe::', 32, 'ipv6');
// Where clouds give out credentials that are not link-local: Alibaba, Azure, Oracle; AWS and Google over IPv6.
LINK.addAddress('100.100.100.200');
LINK.addAddress('168.63.129.16');
LINK.addSubnet('192.0.0.0', 24);
LINK.addAddress('fd00:ec2::254', 'ipv6');
LINK.addAddress('fd20:ce::254', 'ipv6');

const isIn = (list: BlockList, { address, family }: LookupAddress): boolean =>
  list.check(address, family === 6 ? 'ipv6' : 'ipv4');
/** No API of a person is there: whoever asks for it is after credentials of the machine. */
const isLink = (one: LookupAddress): boolean => isIn(LINK, one);
const isInner = (one: LookupAddress): boolean => isLink(one) || isIn(OWN, one) || isOwn(one.address);

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
 * @throws FatalError if it leads to a link-local address or to credentials of a cloud, or a name to this machine though the URL does not say so
 * @throws RetryableError if the name cannot be looked up
 */
export async function reachOf(url: string, resolve: Resolve = resolveAll): Promise<Reach> {
  const { origin, hostname } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  const addresses = family === 0 ? await addressesOf(host, resolve) : [{ address: host, family }];
  const saysSo = family !== 0 || /(^|\.)localhost$/.test(host);
  const inner = addresses.find(saysSo ? isLink : isInner);
  if (inner !== undefined) {
    const where = family === 0 ? `${host} leads to ${inner.address}, which` : host;
    const unless = isLink(inner) ? '' : ', unless the URL has that address itself';
    throw new FatalError(
      'address_refused',
      `${where} is this machine or its own network: nothing is asked there${unless}`,
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
