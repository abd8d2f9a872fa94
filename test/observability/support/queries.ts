import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../end-to-end/support/program.js';

/** A query of the dashboard, and the panel that shows it. */
export interface Query {
  readonly panel: string;
  readonly expr: string;
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

/** The panels of the Grafana dashboard. */
export function readPanels(): readonly Panel[] {
  const text = readFileSync(join(ROOT, 'deploy', 'grafana', 'dashboards', 'tributary.json'), 'utf8');
  return (JSON.parse(text) as { panels: Panel[] }).panels;
}

export const readQueries = (): Query[] =>
  readPanels().flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ panel: title, expr })));

export const rulesFile: string = join(ROOT, 'deploy', 'prometheus', 'alerts.yml');

/** The names of our metrics in a text, as services declare them: without what a histogram adds to its own. */
export function metricNames(text: string): string[] {
  const names = [...text.matchAll(/\btributary_\w+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ''));
  return [...new Set(names)].sort();
}
