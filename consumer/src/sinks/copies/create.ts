import { datasetsOf, FatalError, type PipelineConfig, type SinkConfig, type SinkKind } from '@tributary/shared';
import { csvCopies } from '../csv/copies.js';
import { postgresCopies } from '../postgres/copies.js';
import { postgresSink } from '../postgres/sink.js';
import type { CopiesParts, OutputCopies } from './port.js';

type CopiesKinds = { readonly [K in SinkKind]: (settings: SinkConfig[K], parts: CopiesParts) => OutputCopies };

/** How the output of each kind of sink is copied, and put back. */
const COPIES = {
  csv: csvCopies,
  postgres(settings, parts) {
    postgresSink.check(parts);
    return postgresCopies(settings, parts);
  },
  program() {
    throw new FatalError('backup_unsupported', 'rows go to a sink of a program, which only that program can back up');
  },
} satisfies CopiesKinds;

/** @throws FatalError if something that the sink needs is missing, or its kind cannot be copied */
export function outputCopies(config: PipelineConfig, postgresUrl: string | undefined): OutputCopies {
  return copiesOf(config.sink.type, config.sink, { pipeline: config.name, datasets: datasetsOf(config), postgresUrl });
}

function copiesOf<K extends SinkKind>(kind: K, sink: Pick<SinkConfig, K>, parts: CopiesParts): OutputCopies {
  const kinds: CopiesKinds = COPIES;
  return kinds[kind](sink[kind], parts);
}
