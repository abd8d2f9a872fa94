import type { SinkConfig, SinkKind } from '@tributary/shared';
import type { KeptBodies } from '../dead-letters/kept-bodies.js';
import { folderBodies } from './csv/kept-bodies.js';
import type { SinkSecrets } from './port.js';
import { tableBodies } from './postgres/kept-bodies.js';

type KeptKinds = { readonly [K in SinkKind]: (settings: SinkConfig[K], secrets: SinkSecrets) => KeptBodies };

/** Where each kind of sink keeps them. */
const KEPT = {
  csv: ({ directory }) => folderBodies(directory),
  postgres: ({ schema }, { postgresUrl = '' }) => tableBodies(postgresUrl, schema),
  program: ({ directory }) => folderBodies(directory),
} satisfies KeptKinds;

export const keptBodies = (sink: SinkConfig, secrets: SinkSecrets): KeptBodies => keptOf(sink.type, sink, secrets);

function keptOf<K extends SinkKind>(kind: K, sink: Pick<SinkConfig, K>, secrets: SinkSecrets): KeptBodies {
  const kinds: KeptKinds = KEPT;
  return kinds[kind](sink[kind], secrets);
}
