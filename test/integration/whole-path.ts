import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createLogger,
  datasetsOf,
  type LogOutput,
  type PipelineConfig,
  parsePipeline,
  ReleaseList,
  readTelemetry,
  type ServiceEnvironment,
} from '@tributary/shared';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { expect, inject, vi } from 'vitest';
import { type Consumer, createConsumer } from '../../consumer/src/service.js';
import { createProducer, type Producer } from '../../producer/src/service.js';
import { forgetInRedis, removeAtEnd, withChannel } from '../end-to-end/support/servers.js';
import { uniqueName } from '../services/handle.js';
import { audit, csvRows, postgresRows } from '../src/index.js';
import { truthOf } from './audit-sample.js';
import { removeTopology } from './remove-topology.js';

export const ADMIN_TOKEN = 'token-of-the-tests';

interface Customer {
  readonly id: string;
  readonly name: string;
  readonly phone: string;
  /** Never changes. */
  readonly email: string;
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
  readonly updatedAt: string;
}

interface Item {
  readonly sku: string;
  readonly price: number;
  readonly stock: number;
  readonly updatedAt: string;
}

export interface PathOptions {
  readonly sink: 'csv' | 'postgres';
  readonly postgresUrl?: string;
  readonly redisUrl?: string;
  /** Pairs of a text of the pipeline file and what stands there instead. */
  readonly edits?: Edits;
  /** Where the services send traces, by their environment. */
  readonly telemetry?: ServiceEnvironment;
  /** What the services log; silent unless given. */
  readonly logOutput?: LogOutput;
  /** Headers of the API's answers. */
  readonly answerHeaders?: Readonly<Record<string, string>>;
}

export type Edits = readonly (readonly [from: string, to: string])[];

/**
 * An API, a producer and consumers in this process, on real servers, with a pipeline of their own. The API gives what changed
 * since a time, so a record that a sink has lost does not come again by itself.
 */
export class WholePath {
  readonly name = uniqueName('path');
  readonly directory = mkdtempSync(join(tmpdir(), 'tributary-path-'));
  readonly customers = new Map<string, Customer>();
  readonly items = new Map<string, Item>();
  readonly consumers: Consumer[] = [];
  /** What each request to the API asked for: everything, or what changed since a time. */
  readonly asked: string[] = [];
  producer: Producer | undefined;
  config: PipelineConfig;
  /** The pipeline file, for services in processes of their own. */
  file = '';
  readonly #options: PathOptions;
  readonly #releases = new ReleaseList();
  readonly #redisUrl: string;
  readonly #postgresUrl: string;
  /** Until it serves. */
  #apiUrl = 'http://127.0.0.1:1';
  #second = 0;

  private constructor(options: PathOptions) {
    this.#options = options;
    this.#redisUrl = options.redisUrl ?? inject('redisUrl');
    this.#postgresUrl = options.postgresUrl ?? inject('postgresUrl');
    this.config = this.#parse(options.edits ?? []);
  }

  static async begin(options: PathOptions): Promise<WholePath> {
    const path = new WholePath(options);
    await path.#serve();
    path.config = path.#parse(options.edits ?? []);
    path.#cleanUpAtEnd();
    return path;
  }

  get schema(): string {
    return this.name;
  }

  async end(): Promise<void> {
    await this.#releases.release();
  }

  /** From now on services are started with the file changed like this. */
  edit(edits: Edits): void {
    this.config = this.#parse(edits);
  }

  async start(consumers = 1): Promise<void> {
    for (let n = 0; n < consumers; n++) await this.startConsumer(`consumer-${n}`);
    await this.startProducer();
  }

  async startConsumer(instance = 'consumer'): Promise<Consumer> {
    const consumer = createConsumer({ ...this.#settings(instance), postgresUrl: this.#postgresUrl });
    this.consumers.push(consumer);
    await consumer.start();
    return consumer;
  }

  async startProducer(): Promise<Producer> {
    this.producer = createProducer({ ...this.#settings('producer'), schedule: true, adminToken: ADMIN_TOKEN });
    await this.producer.start();
    return this.producer;
  }

  async stop(): Promise<void> {
    await this.producer?.stop();
    this.producer = undefined;
    for (const consumer of this.consumers.splice(0)) await consumer.stop();
  }

  /** Makes or changes as many customers, from this number on, each with a line to one of ten items. */
  change(count: number, from = 0): void {
    const updatedAt = () => new Date(Date.UTC(2026, 0, 1) + ++this.#second * 1_000).toISOString();
    for (let n = 0; n < 10; n++) {
      const sku = `S${n}`;
      if (!this.items.has(sku)) this.items.set(sku, { sku, price: n + 0.5, stock: n, updatedAt: updatedAt() });
    }
    for (let n = from; n < from + count; n++) {
      const at = updatedAt();
      const lines = [{ sku: `S${n % 10}`, quantity: 1 + (this.#second % 7) }];
      const id = `C${n}`;
      const email = `${id}@example.org`;
      this.customers.set(id, { id, name: `name ${at}`, phone: `phone ${at}`, email, lines, updatedAt: at });
    }
  }

  /** Loses all that RabbitMQ, Redis and the output hold of the pipeline. Its services must have stopped. */
  async loseEverything(): Promise<void> {
    await withChannel(inject('amqpUrl'), (channel) => removeTopology(channel, this.config));
    await forgetInRedis(this.#redisUrl, this.name);
    rmSync(this.directory, { recursive: true, force: true });
    if (this.#options.sink === 'postgres') await this.query(`DROP SCHEMA IF EXISTS ${this.schema} CASCADE`);
  }

  /** Has a producer poll an endpoint again from the beginning. */
  async reset(endpoint: string): Promise<void> {
    const url = `${this.producer?.url}/endpoints/${endpoint}/reset`;
    const response = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    expect(response.status).toBe(202);
  }

  /** Runs statements as a person does who looks at the tables; the schema's tables need no prefix. */
  async query<Row>(text: string): Promise<Row[]> {
    const client = new Client({ connectionString: this.#postgresUrl });
    await client.connect();
    try {
      await client.query(`SET client_min_messages TO warning; SET search_path TO ${this.schema}`);
      const result = await client.query(text);
      return Array.isArray(result) ? [] : (result.rows as Row[]);
    } finally {
      await client.end();
    }
  }

  /** What Redis keeps under a name of this pipeline. */
  async redisGet(key: string): Promise<string | null> {
    const redis = new Redis(this.#redisUrl);
    try {
      return await redis.get(`{${this.name}}:${key}`);
    } finally {
      redis.disconnect();
    }
  }

  /** The audit's findings: empty if the sink has what the API has, each row once and in the form that the file asks for. */
  async findings(): Promise<unknown> {
    const { sink } = this.config;
    const rows = sink.type === 'csv' ? csvRows(sink.csv, false) : await postgresRows(sink.postgres, this.#postgresUrl);
    try {
      const truth = truthOf({ customer: [...this.customers.values()], item: [...this.items.values()] });
      const report = await audit({ config: this.config, truth, sink: rows });
      const [customers, items, orders] = datasetsOf(this.config).map(({ name }) => report.audit[name]);
      return {
        findings: report.findings,
        expected: [customers?.expected, items?.expected],
        missing: [customers, items, orders].map((one) => one?.missing),
      };
    } finally {
      await rows.close();
    }
  }

  /** Waits until the sink has what the API has, and every service is ready. */
  async settled(): Promise<void> {
    await vi.waitFor(
      async () => {
        expect(await this.findings()).toEqual({
          findings: [],
          expected: [this.customers.size, this.items.size],
          missing: [0, 0, 0],
        });
        expect(this.consumers.flatMap((consumer) => consumer.problems())).toEqual([]);
      },
      { timeout: 90_000, interval: 200 },
    );
  }

  #settings(instance: string) {
    const { telemetry, logOutput } = this.#options;
    const level = logOutput === undefined ? (process.env.LOG_LEVEL ?? 'silent') : 'info';
    const log = createLogger({ service: instance, instance, level }, logOutput);
    const servers = { amqpUrl: inject('amqpUrl'), redisUrl: this.#redisUrl };
    const settings = { instance, port: 0, host: '127.0.0.1', log, telemetry: telemetry && readTelemetry(telemetry) };
    return { config: this.config, ...servers, ...settings };
  }

  async #serve(): Promise<void> {
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://api');
      const records: readonly { readonly updatedAt: string }[] = [
        ...(pathname === '/customers' ? this.customers : this.items).values(),
      ];
      const since = searchParams.get('since') ?? '';
      this.asked.push(since);
      response.setHeader('content-type', 'application/json');
      for (const [name, value] of Object.entries(this.#options.answerHeaders ?? {})) response.setHeader(name, value);
      response.end(JSON.stringify(records.filter(({ updatedAt }) => updatedAt >= since)));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.#releases.add('the API', () => {
      server.closeAllConnections();
      server.close();
    });
  }

  #cleanUpAtEnd(): void {
    this.#releases.add('the folder', () => rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 }));
    const servers = { amqpUrl: inject('amqpUrl'), redisUrl: this.#redisUrl };
    const atEnd = (what: string, release: () => unknown) => this.#releases.add(what, release);
    const queues = ['customer', 'item'].map((entity) => `${this.name}.${entity}`);
    removeAtEnd({ atEnd }, servers, this.name, queues);
    if (this.#options.sink === 'postgres') {
      this.#releases.add('the schema', () => this.query(`DROP SCHEMA IF EXISTS ${this.schema} CASCADE`));
    }
    this.#releases.add('the services', () => this.stop());
  }

  #parse(edits: Edits): PipelineConfig {
    let text = pipelineOf(this.name, this.#apiUrl, this.#options.sink, this.directory);
    for (const [from, to] of edits) {
      if (!text.includes(from)) throw new Error(`the pipeline has no ${from}`);
      text = text.replaceAll(from, to);
    }
    this.file = text;
    return parsePipeline(text, {}, 'path.yaml');
  }
}

const pipelineOf = (name: string, api: string, sink: 'csv' | 'postgres', directory: string): string => `
name: ${name}
entities:
  customer:
    dataset: customers
    queue: ${name}.customer
    key: id
    version: updatedAt
    fields:
      id: string
      name: string
      lines: { type: list, items: { sku: string, quantity: integer } }
      updatedAt: datetime
  item:
    dataset: items
    queue: ${name}.item
    key: sku
    version: updatedAt
    fields: { sku: string, price: number, stock: integer, updatedAt: datetime }
endpoints:
  customers:
    url: ${api}/customers
    entity: customer
    incremental: { parameter: since }
    schedule: { every: 1s }
  items:
    url: ${api}/items
    entity: item
    incremental: { parameter: since }
    schedule: { every: 1s }
merges:
  orders:
    each: { entity: customer, lines: lines }
    with: { entity: item, on: sku }
    columns:
      name: customer.name
      sku: line.sku
      quantity: line.quantity
      price: item.price
      value: { type: number, decimals: 2, value: double(line.quantity) * item.price }
batch: { size: 10, interval: 300ms }
sink:
  type: ${sink}
  csv: { directory: ${JSON.stringify(directory)} }
  postgres: { schema: ${name} }
`;
