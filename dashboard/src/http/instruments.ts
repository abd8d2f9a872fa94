import { createRegistry, Gauge, Histogram, type Registry } from '@tributary/shared';
import type { RequestHandler } from 'express';
import type { Alerts } from '../alerts/alerts.js';
import { addAlertInstruments } from '../alerts/instruments.js';
import type { DatasetReader, DatasetSummary } from '../data/readers/port.js';

/** The dashboard's metrics: the size of each dataset, and how long its own answers take. */
export function createInstruments(
  reader: DatasetReader,
  alerts: Alerts,
): { registry: Registry; timing: RequestHandler } {
  const registry = createRegistry('dashboard');
  addAlertInstruments(registry, alerts);
  const measures = {
    rows: 'Rows of a dataset, tombstones too',
    keys: 'Keys of a dataset that are not deleted',
    bytes: 'Bytes of a dataset',
    parts: 'Files of a dataset',
  } as const;
  for (const [measure, help] of Object.entries(measures) as [keyof typeof measures & keyof DatasetSummary, string][]) {
    new Gauge({
      name: `tributary_dataset_${measure}`,
      help: `${help}, when it was last looked at`,
      labelNames: ['dataset'],
      registers: [registry],
      collect() {
        for (const dataset of reader.known()) this.set({ dataset: dataset.name }, dataset[measure]);
      },
    });
  }
  const seconds = new Histogram({
    name: 'tributary_dashboard_request_seconds',
    help: 'How long answers to API requests took, downloads until their last byte',
    labelNames: ['route', 'status'],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30],
    registers: [registry],
  });
  const timing: RequestHandler = (request, response, next) => {
    const observe = seconds.startTimer();
    response.on('close', () => {
      // The route's pattern, never the URL: a client could give the label any number of values.
      const { path = '/api/*' } = (request.route ?? {}) as { path?: string };
      observe({ route: path, status: response.statusCode });
    });
    next();
  };
  return { registry, timing };
}
