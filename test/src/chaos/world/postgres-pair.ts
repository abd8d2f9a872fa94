import { Client } from 'pg';
import type { PrivateService } from '../../../services/handle.js';
import type { PrivatePostgresPair } from '../../../services/postgres.js';

/** A primary of Postgres and its standby, as one server: whichever of both is the primary. What is done to it is done to the primary. */
export class PostgresPair implements PrivateService {
  readonly #pair: PrivatePostgresPair;
  #primary: PrivateService;
  #standby: PrivateService;

  constructor(pair: PrivatePostgresPair) {
    this.#pair = pair;
    this.#primary = pair.primary;
    this.#standby = pair.standby;
  }

  get url(): string {
    return this.#primary.url;
  }

  get how(): string {
    return `${this.#pair.primary.how}, with a standby`;
  }

  get folder(): string {
    return this.#primary.folder;
  }

  /**
   * The POSTGRES_URL that names both.
   * @param front gives the URL by which one of them is reached
   */
  async addresses(front: (url: string, index: number) => Promise<string>): Promise<string> {
    const { primary, standby } = this.#pair;
    const one = new URL(await front(primary.url, 0));
    const other = new URL(await front(standby.url, 1));
    // The URL class knows one host only.
    return one.href.replace(one.host, `${one.host},${other.host}`);
  }

  up = (): Promise<void> => this.#primary.up();
  down = (): Promise<void> => this.#primary.down();
  restart = (): Promise<void> => this.#primary.restart();
  kill = (): Promise<void> => this.#primary.kill();
  pause = (): void => this.#primary.pause();
  resume = (): void => this.#primary.resume();

  async stop(): Promise<void> {
    await Promise.all([this.#primary.stop(), this.#standby.stop()]);
  }

  /** From now on the standby gets nothing that is written, until it takes over. */
  async cutReplication(): Promise<void> {
    await ask(this.#standby, "ALTER SYSTEM SET primary_conninfo = ''", 'SELECT pg_reload_conf()');
  }

  /** The primary dies, and the standby takes over with what it has. The other one follows it, anew. */
  async failOver(): Promise<void> {
    await this.#primary.down();
    await ask(this.#standby, 'SELECT pg_promote()', 'ALTER SYSTEM RESET primary_conninfo');
    [this.#primary, this.#standby] = [this.#standby, this.#primary];
    await this.#pair.follow(this.#standby, this.#primary);
  }

  /** To be called when the primary went back to an older state: the standby cannot follow it any more as it is. */
  async followAnew(): Promise<void> {
    await this.#standby.down();
    await this.#pair.follow(this.#standby, this.#primary);
  }
}

async function ask({ url }: PrivateService, ...statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
