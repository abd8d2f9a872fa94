import { type PipelineConfig, parsePipeline } from '@tributary/shared';
import type { EndpointFlow, Flow, QueueFlow } from '../../src/flow/flow.js';

const PIPELINE = `
name: watched
entities:
  customer: { dataset: customers, queue: customer_data, key: id, fields: { id: string } }
endpoints:
  one: { url: "http://127.0.0.1:1/one", entity: customer }
`;

export const watched = (alerts: string, env: Record<string, string> = {}): PipelineConfig =>
  parsePipeline(`${PIPELINE}alerts:\n${alerts}`, env, 'watched.yaml');

const ENDPOINT: EndpointFlow = {
  id: 'one',
  entity: 'customer',
  enabled: true,
  url: 'https://api.example.org/one',
  schedule: 'every 1 min',
  mode: 'polled',
  paused: false,
  running: false,
  lastPollAt: null,
  nextPollAt: null,
  polls: 0,
  failures: 0,
  rate: 0,
  isPolled: true,
  source: [],
  retrying: null,
  problem: null,
};

export const endpoint = (id: string, problem: string | null, rest: Partial<EndpointFlow> = {}): EndpointFlow => ({
  ...ENDPOINT,
  id,
  problem,
  ...rest,
});

export const queue = (rest: Partial<QueueFlow>): QueueFlow => ({
  queue: 'customer_data',
  entity: 'customer',
  ready: 0,
  records: 0,
  consumers: 1,
  dead: 0,
  rate: 0,
  ...rest,
});

/** A pipeline in which all is well, but for what is given. */
export const flowOf = (rest: Partial<Flow> = {}): Flow => ({
  at: '2026-01-05T00:00:00Z',
  rates: { fetched: 0, published: 0, accepted: 0, duplicate: 0, stale: 0, dead: 0, written: 0 },
  endpoints: [],
  producers: [{ address: 'producer:8081', answers: true, problems: [] }],
  consumers: [],
  queues: [],
  datasets: [],
  aggregates: [],
  broker: { known: true, connected: true },
  unacked: 0,
  oldestUnflushed: null,
  freshness: null,
  alerts: [],
  sink: { type: 'csv', medium: '', where: '' },
  problems: [],
  ...rest,
});
