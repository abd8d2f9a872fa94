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
  const { merge } = config;
  const described = {
    name: config.name,
    entities,
    endpoints,
    merge: merge === undefined ? null : { dataset: merge.dataset, each: merge.each, with: merge.with },
    batch: config.batch,
    sink: config.sink.type,
  };
  const routes = Router();
  routes.get('/', (_request, response) => {
    response.json(described);
  });
  return routes;
}
