import {
  type Clock,
  createLogger,
  datasetsOf,
  type Logger,
  type PipelineConfig,
  type SinkKind,
} from '@tributary/shared';
import { tellAgainst } from './against.js';
import { csvSink } from './csv/sink.js';
import type { MakeProgramSink, Sink, SinkKinds } from './port.js';
import { postgresSink } from './postgres/sink.js';
import { programSink } from './program.js';

/** Every kind of sink. A new kind is a folder beside these, and a line here. */
const SINKS = { csv: csvSink, postgres: postgresSink, program: programSink } satisfies SinkKinds;

const SILENT = createLogger({ service: 'consumer', instance: 'sink', level: 'silent' });

export interface SinkOptions {
  readonly config: PipelineConfig;
  /** The address of the Postgres sink's database; the other kinds do not need it. */
  readonly postgresUrl: string | undefined;
  /** Makes the sink of a program; the other kinds do not need it. */
  readonly program?: MakeProgramSink | undefined;
  readonly clock: Clock;
  /** Where the sink tells what it found in the output; it tells nothing without one. */
  readonly log?: Logger | undefined;
}

/**
 * Checks that the sink has all that it needs, for callers that want to know before anything starts.
 * @throws FatalError if something is missing, saying what to do
 */
export function checkSink({ config, postgresUrl, program }: Omit<SinkOptions, 'clock' | 'log'>): void {
  SINKS[config.sink.type].check({ postgresUrl, program });
}

/**
 * Makes the sink that the configuration names.
 * @throws FatalError if something that it needs is missing
 */
export function createSink(options: SinkOptions): Sink {
  checkSink(options);
  return createOf(options.config.sink.type, options);
}

function createOf<K extends SinkKind>(kind: K, { config, clock, log = SILENT, ...secrets }: SinkOptions): Sink {
  const { sink, name: pipeline } = config;
  const kinds: SinkKinds = SINKS;
  return kinds[kind].create({ settings: sink[kind], pipeline, datasets: datasetsOf(config), clock, log, ...secrets });
}

/**
 * What will become of what the output holds, where the pipeline file differs from what it was written by. Nothing is changed.
 * @throws Error if the output cannot be read
 */
export async function compareWithOutput(options: SinkOptions): Promise<string[]> {
  const sink = createSink(options);
  try {
    return tellAgainst(options.config, await sink.stored());
  } finally {
    await sink.close();
  }
}
