import type { Request, Response } from 'express';
import type { Context } from './context.js';

export const tellAlive = (_request: Request, response: Response): unknown => response.json({ status: 'ok' });

/** What keeps the dashboard from showing all that it should, in words; empty if nothing does. */
const problemsOf = ({ reader, journal, broker }: Context): string[] =>
  [...reader.problems(), journal?.problem(), broker.problem].filter((one) => one !== undefined);

/** Whoever runs the containers needs the status; the reasons are for those who may read. */
export function tellReadiness(request: Request, response: Response, context: Context): unknown {
  const problems = problemsOf(context);
  const refusal = context.guard.refusalOf(request, 'scraper');
  const told = refusal === undefined || problems.length === 0 ? problems : [`not told: ${refusal.message}`];
  return response.status(problems.length === 0 ? 200 : 503).json({ ready: problems.length === 0, problems: told });
}

export async function tellMetrics(_request: Request, response: Response, { registry }: Context): Promise<void> {
  response.type(registry.contentType).send(await registry.metrics());
}
