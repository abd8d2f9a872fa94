import type { Environment, Logger, PipelineInput } from '@tributary/shared';

/** What {@link startPipeline} is asked for. */
export interface PipelineOptions {
  /** The path of a pipeline file, or an object of the same content. */
  readonly config: string | PipelineInput;
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
  /** False: nothing is polled until `once` is called. True unless given: each endpoint is polled on its schedule. */
  readonly schedule?: boolean;
  /**
   * Called if the RabbitMQ or Redis in memory dies: nothing flows any more, and the pipeline has to be stopped and
   * started again. What was written is not written twice. The error is logged unless this is given.
   */
  readonly onLost?: (error: Error) => void;
}

/** Where the services of a pipeline answer on this machine. */
export interface PipelineUrls {
  readonly dashboard: string;
  readonly producer: string;
  readonly consumer: string;
  /** The mock CRM; undefined if the pipeline does not ask for it. */
  readonly mockApi: string | undefined;
}
