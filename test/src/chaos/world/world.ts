import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ReleaseList, SinkKind } from '@tributary/shared';
import type { Say } from '../../../services/handle.js';
import { type FakeClock, fakeClocks } from './clock.js';
import { type Disk, mountDisk } from './disk.js';
import { Foreign } from './foreign.js';
import { type Link, startLink } from './link.js';

/** Where a service reaches the servers. */
export interface Addresses {
  readonly rabbitmq: string;
  readonly redis: string;
  readonly postgres: string | undefined;
}

/** What surrounds the services: networks, a disk, clocks, and another program. */
export interface World {
  /** A network for each kind of service and each server that it speaks to, by a name for people. */
  readonly links: ReadonlyMap<string, Link>;
  /** The disk of the output, where the output is a folder. */
  readonly disk: Disk | undefined;
  readonly foreign: Foreign;
  /** Where the services of a workspace reach the servers. */
  addressesFor(workspace: 'producer' | 'consumer', servers: Addresses): Promise<Addresses>;
  /** Where the producers reach the API. */
  addressOfApi(url: string): Promise<string>;
  /** The clock for a process of this name, which can be moved. */
  readonly clockFor: (name: string) => FakeClock | undefined;
}

/** A run without `--world`: nothing lies between the services and the servers. */
export function quietWorld(seed: number): World {
  return {
    links: new Map(),
    disk: undefined,
    foreign: new Foreign(seed),
    addressesFor: async (_workspace, servers) => servers,
    addressOfApi: async (url) => url,
    clockFor: () => undefined,
  };
}

/** @throws Error if this machine lacks what it takes: root for a disk, and libfaketime */
export async function roughWorld(
  { folder, seed, sink, say }: { folder: string; seed: number; sink: SinkKind; say: Say },
  release: ReleaseList,
): Promise<World> {
  const clockFiles = join(folder, 'clocks');
  mkdirSync(clockFiles);
  const clockFor = await fakeClocks(clockFiles, say);
  const disk = sink === 'csv' ? mountDisk(join(folder, 'output')) : undefined;
  if (disk !== undefined) release.add('the disk of the output', () => disk.release());
  const links = new Map<string, Link>();

  const linkTo = async (name: string, url: string): Promise<string> => {
    const link = await startLink(url);
    links.set(name, link);
    release.add(`the link ${name}`, () => link.close());
    return link.url;
  };
  return {
    links,
    disk,
    foreign: new Foreign(seed),
    async addressesFor(workspace, servers) {
      return {
        rabbitmq: await linkTo(`${workspace}s to RabbitMQ`, servers.rabbitmq),
        redis: await linkTo(`${workspace}s to Redis`, servers.redis),
        postgres:
          servers.postgres !== undefined && workspace === 'consumer'
            ? await linkTo('consumers to Postgres', servers.postgres)
            : servers.postgres,
      };
    },
    addressOfApi: (url) => linkTo('producers to the API', url),
    clockFor,
  };
}
