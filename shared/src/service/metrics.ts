import { createHash } from 'node:crypto';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { PipelineConfig } from '../config/schema.js';

export { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** A registry for one service, so that all services can run in one process (`npm start`) without colliding. */
export function createRegistry(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Exposes to which pipeline this service belongs, so that a dashboard that reads the wrong service notices it, and what the instance is called. */
export function tellPipeline(registry: Registry, config: PipelineConfig, instance: string): void {
  new Gauge({
    name: 'tributary_pipeline_info',
    help: 'Always 1; the labels name the pipeline, and what its entities and endpoints are called, and the instance',
    // Prometheus calls the address of what it reads `instance`.
    labelNames: ['pipeline', 'parts', 'name'],
    registers: [registry],
  }).set({ pipeline: config.name, parts: partsOf(config), name: instance }, 1);
}

/** Equal for all services of one pipeline, whatever environment each of them has. */
export const partsOf = ({ entities, endpoints }: PipelineConfig): string =>
  createHash('sha256')
    .update(JSON.stringify([Object.keys(entities).sort(), Object.keys(endpoints).sort()]))
    .digest('hex')
    .slice(0, 8);

/** Adds, for each server that a service needs, whether it is connected, as of when the metrics are read. */
export function measureConnections(registry: Registry, connected: Readonly<Record<string, () => boolean>>): void {
  new Gauge({
    name: 'tributary_connected',
    help: '1 if the service is connected to the server, 0 if it waits for it',
    labelNames: ['server'],
    registers: [registry],
    collect() {
      for (const [server, isConnected] of Object.entries(connected)) this.set({ server }, isConnected() ? 1 : 0);
    },
  });
}

/** Adds whether RabbitMQ blocks the service's publishing (it is short of memory or disk), as of when the metrics are read. */
export function measureBlocked(registry: Registry, isBlocked: () => boolean): void {
  new Gauge({
    name: 'tributary_rabbitmq_blocked',
    help: '1 while RabbitMQ takes no messages from the service, because it is short of memory or disk',
    registers: [registry],
    collect() {
      this.set(isBlocked() ? 1 : 0);
    },
  });
}
