import { fileURLToPath } from 'node:url';
import { loadPipeline, type PipelineConfig, type ReleaseList } from '@tributary/shared';
import {
  type PrivateRedis,
  type PrivateService,
  type Say,
  startPrivatePostgres,
  startPrivateRabbitMQ,
  startPrivateRedis,
} from '@tributary/test/services';
import { type Broker, openBroker } from './broker.js';
import { type Database, openDatabase } from './database.js';

/** The pipeline of the demo, unchanged. */
export const PIPELINE = fileURLToPath(new URL('../../pipeline.yaml', import.meta.url));

/** Private servers of the bench, without other people's data. Each is started when the first figure needs it. */
export class Servers {
  readonly config: PipelineConfig = loadPipeline(PIPELINE, {});
  readonly #release: ReleaseList;
  readonly #say: Say;
  #broker: Promise<Broker> | undefined;
  #redis: Promise<PrivateRedis> | undefined;
  #database: Promise<Database> | undefined;

  constructor(release: ReleaseList, say: Say) {
    this.#release = release;
    this.#say = say;
  }

  broker(): Promise<Broker> {
    this.#broker ??= this.#start('RabbitMQ', startPrivateRabbitMQ(this.#say)).then(async ({ url }) => {
      const broker = await openBroker(url, this.config);
      this.#release.add('connection to RabbitMQ', () => broker.close());
      return broker;
    });
    return this.#broker;
  }

  redis(): Promise<PrivateRedis> {
    this.#redis ??= this.#start('Redis', startPrivateRedis({}, this.#say));
    return this.#redis;
  }

  database(): Promise<Database> {
    this.#database ??= this.#start('Postgres', startPrivatePostgres(this.#say)).then(async ({ url }) => {
      const database = await openDatabase(url);
      this.#release.add('connection to Postgres', () => database.close());
      return database;
    });
    return this.#database;
  }

  /** The version of Postgres; undefined if no figure needed one. */
  async postgresVersion(): Promise<string | undefined> {
    return (await this.#database)?.version();
  }

  async #start<T extends PrivateService>(name: string, starting: Promise<T>): Promise<T> {
    const server = await starting;
    this.#release.add(name, () => server.stop());
    this.#say(`${name}: ${server.how}`);
    return server;
  }
}
