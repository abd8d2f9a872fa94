import type { MakeProgramSink } from '@tributary/consumer';
import type { ProgramSources } from '@tributary/producer';
import type { Environment, Logger, PipelineInput } from '@tributary/shared';

/** What {@link createPipeline} is asked for. */
export interface PipelineOptions<Config extends string | PipelineInput = string | PipelineInput> {
  /** The path of a pipeline file, or an object of the same content. */
  readonly config: Config;
  /**
   * Where `${NAME}` in the pipeline is looked up, and the settings of the services (AMQP_URL, REDIS_URL, POSTGRES_URL, PORT of
   * the dashboard, ADMIN_TOKEN, ...). Empty unless given: a program passes `process.env` if it wants its own environment
   * to count.
   */
  readonly env?: Environment;
  /** Makes the logger of each service. Warnings and errors go to stderr as JSON lines unless given. */
  readonly logger?: (service: string) => Logger;
  /** Where the CSV files go, whatever the pipeline says. */
  readonly output?: string | undefined;
  /** False: nothing is polled until `once` or `run` is called. True unless given: each endpoint is polled on its schedule. */
  readonly schedule?: boolean;
  /** Sources of this program, by the endpoints that have `source: 'program'`. */
  readonly sources?: ProgramSources | undefined;
  /** The sink of this program, where `sink.type` is `program`. */
  readonly sink?: MakeProgramSink | undefined;
}

/** Where the services of a pipeline answer on this machine. */
export interface PipelineUrls {
  readonly dashboard: string;
  readonly producer: string;
  readonly consumer: string;
  /** The mock CRM; undefined if the pipeline does not ask for it. */
  readonly mockApi: string | undefined;
}

/** How a record is published. */
export interface PublishSettings {
  /** True: resolves when the record's row is durable. False unless given: when RabbitMQ has confirmed the record. */
  readonly durable?: boolean;
  /** Milliseconds that `durable` waits at most; 60,000 unless given. */
  readonly timeout?: number;
}
