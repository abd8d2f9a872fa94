import { parseArgs } from 'node:util';
import { either, isSinkKind, SINKS, type SinkKind } from '@tributary/shared';

export const HELP = `Compares the API's truth with what has landed, and exits 1 if anything is wrong.

  npm run audit -- [options]

  --config FILE    the pipeline (default: PIPELINE, or pipeline.yaml)
  --api URL        the API whose truth counts (default: that of the pipeline's endpoints)
  --collection E=P the path P where that API has the entity E, if its endpoints read another place (again for each)
  --output DIR     the CSV output (default: the pipeline's)
  --sink NAME      csv or postgres (default: the pipeline's; postgres needs POSTGRES_URL)
  --live           the pipeline runs: leave out what changed in the last minute, and lines under way
  --json           print one JSON object instead of the table

Run it when the pipeline has settled: polls have ended, the queues are empty, every batch is written. It prints for
each dataset how many keys are expected and found, and then what is wrong:

  missing      expected keys without a row, or closed by a tombstone
  duplicated   rows beyond the first of a key and message, or that repeat the row before them
  torn         lines that are not whole, second headers, parts without one
  stale        keys whose newest row is not the API's latest content, or that should be gone
  wrong hash   rows, old ones too, whose _hash is not that of their own cells
  wrong merge  newest merged rows that are not what the newest rows of both sides give
`;

export interface AuditArguments {
  readonly config: string | undefined;
  readonly api: string | undefined;
  /** By entity, the paths where the API has it. */
  readonly collections: Readonly<Record<string, readonly string[]>>;
  readonly output: string | undefined;
  readonly sink: SinkKind | undefined;
  readonly live: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

/** @throws Error saying which argument is wrong, and what is expected */
export function readArguments(args: readonly string[]): AuditArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string' },
      api: { type: 'string' },
      collection: { type: 'string', multiple: true, default: [] },
      output: { type: 'string' },
      sink: { type: 'string' },
      live: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { config, api, output, sink, live, json, help } = values;
  if (sink !== undefined && !isSinkKind(sink)) {
    throw new Error(`--sink: expected ${either(Object.keys(SINKS))}, found "${sink}"`);
  }
  if (api !== undefined && !URL.canParse(api)) throw new Error(`--api: expected a URL, found "${api}"`);
  const collections = collectionsIn(values.collection);
  if (values.collection.length > 0 && api === undefined)
    throw new Error('--collection needs --api: the API that has it');
  return { config, api, collections, output, sink, live, json, help };
}

/** @param texts such as `customer=/customers` */
function collectionsIn(texts: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const paths: Record<string, string[]> = {};
  for (const text of texts) {
    const [, entity, path] = /^([^=]+)=(\/\S+)$/.exec(text) ?? [];
    if (entity === undefined || path === undefined)
      throw new Error(`--collection: expected an entity and a path, such as customer=/customers, found "${text}"`);
    paths[entity] = [...(paths[entity] ?? []), path];
  }
  return paths;
}
