import { Router } from 'express';
import { wholeNumber } from '../data/query.js';
import type { AuditLog } from './audit.js';

/** The end of the audit log, the newest first. */
export function auditRoutes(audit: AuditLog): Router {
  const routes = Router();
  routes.get('/', async (request, response) => {
    const limit = wholeNumber(request.query, 'limit', 100, 1, 1_000);
    response.json({ entries: await audit.newest(limit) });
  });
  return routes;
}
