import { fileURLToPath } from 'node:url';
import { loadPipeline, type PipelineConfig, type ReleaseList } from '@tributary/shared';
import { type Broker, openBroker } from './broker.js';
import { type Database, openDatabase } from './database.js';
import {
  type PrivateRedis,
  type PrivateService,
  type Say,
  startPrivatePostgres,
  startPrivateRabbitMQ,
  startPrivateRedis,
} from './services.js';

/** The demo's own pipeline, as everybody runs it. */
export const PIPELINE = fileURLToPath(new URL('../../pipeline.yaml', import.meta.url));

/** Servers of the bench's own, each started when the first figure asks for it: nobody else's data are near. */
export class Servers {
  readonly config: PipelineConfig = loadPipeline(PIPELINE, {});
  #broker: Promise<Broker> | undefined;
  #redis: Promise<PrivateRedis> | undefined;
  #database: Promise<Database> | undefined;

  constructor(
    private readonly release: ReleaseList,
    private readonly say: Say,
  ) {}

  broker(): Promise<Broker> {
    this.#broker ??= this.#start('RabbitMQ', startPrivateRabbitMQ(this.say)).then(async ({ url }) => {
      const broker = await openBroker(url, this.config);
      this.release.add('connection to RabbitMQ', () => broker.close());
      return broker;
    });
    return this.#broker;
  }

  redis(): Promise<PrivateRedis> {
    this.#redis ??= this.#start('Redis', startPrivateRedis({}, this.say));
    return this.#redis;
  }

  database(): Promise<Database> {
    this.#database ??= this.#start('Postgres', startPrivatePostgres(this.say)).then(async ({ url }) => {
      const database = await openDatabase(url);
      this.release.add('connection to Postgres', () => database.close());
      return database;
    });
    return this.#database;
  }

  /** Of the Postgres that was started, if one was. */
  async postgresVersion(): Promise<string | undefined> {
    return (await this.#database)?.version();
  }

  async #start<T extends PrivateService>(name: string, starting: Promise<T>): Promise<T> {
    const server = await starting;
    this.release.add(name, () => server.stop());
    this.say(`${name}: ${server.how}`);
    return server;
  }
}
