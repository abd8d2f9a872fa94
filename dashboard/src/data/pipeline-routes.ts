import { type PipelineConfig, redactUrl } from '@tributary/shared';
import { Router } from 'express';
import { describeSchedule } from '../flow/endpoints.js';

/** What the pipeline is made of, as far as a page needs it; nothing of headers, queries and credentials. */
export function pipelineRoutes(config: PipelineConfig): Router {
  const entities = Object.fromEntries(
    Object.entries(config.entities).map(([name, { dataset, queue, key, version, fields }]) => [
      name,
      { dataset, queue, key, version: version ?? null, fields },
    ]),
  );
  const endpoints = Object.entries(config.endpoints).map(([id, { url, entity, enabled, schedule }]) => ({
    ...{ id, entity, enabled, url: redactUrl(url).split('?')[0], schedule: describeSchedule(schedule) },
  }));
  const described = {
    name: config.name,
    entities,
    endpoints,
    merges: config.merges.map(({ dataset, each, with: other }) => ({ dataset, each, with: other })),
    batch: config.batch,
    sink: config.sink.type,
  };
  const routes = Router();
  routes.get('/', (_request, response) => {
    response.json(described);
  });
  return routes;
}
