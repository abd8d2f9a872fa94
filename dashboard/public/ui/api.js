import { isAttended } from './attendance.js';

/** An answer that says that something is wrong, in the server's own words. */
export class ApiFailure extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Milliseconds before a request that got no answer is sent again, each time. */
const AGAIN = [400, 800, 1_600];

/**
 * @param {string} path under /api
 * @param {AbortSignal} [signal]
 * @throws {ApiFailure} with status 0 when the dashboard cannot be reached
 */
export async function get(path, signal) {
  for (const pause of AGAIN) {
    try {
      return await ask(path, { signal });
    } catch (failure) {
      // The network changed during the request, or a laptop woke up. A read can safely be sent again.
      if (failure.status !== 0) throw failure;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return await ask(path, { signal });
}

/** @param {unknown} body sent as JSON. @throws {ApiFailure} as {@link get} */
export const post = (path, body, signal) =>
  ask(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' }, signal });

export const remove = (path) => ask(path, { method: 'DELETE', headers: { 'content-type': 'application/json' } });

async function ask(path, { headers = {}, signal, ...options }) {
  let response;
  let body;
  // What the page asks by itself does not keep a session alive.
  const unattended = isAttended() ? {} : { 'tributary-unattended': 'true' };
  try {
    const all = { accept: 'application/json', ...unattended, ...headers };
    response = await fetch(`/api${path}`, { headers: all, signal, ...options });
    if (response.status === 204) return undefined;
    // An answer that is cut off within its body is none.
    body = response.ok ? await response.json() : await response.json().catch(() => undefined);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiFailure(0, 'unreachable', 'the dashboard cannot be reached');
  }
  if (response.ok) return body;
  const { code = 'unknown', message = `the dashboard answered ${response.status}` } = body?.error ?? {};
  throw new ApiFailure(response.status, code, message);
}

export const datasetPath = (name) => `/datasets/${encodeURIComponent(name)}`;

/** The rows that a place selects from its dataset, as a query of the API. */
export function selectionQuery({ view = 'latest', search = '', where = [], sort = '' }) {
  const query = new URLSearchParams();
  if (view === 'history') query.set('view', view);
  if (search !== '') query.set('search', search);
  for (const one of where) query.append('where', one);
  if (sort !== '') query.set('sort', sort);
  return query;
}

/** The address of a dataset as one file, whose order is its own: a `sort` is no parameter of it. @param {'csv' | 'ndjson'} [format] */
export function downloadAddress(name, place = {}, format = 'csv') {
  const query = selectionQuery({ ...place, sort: '' });
  const suffix = query.size === 0 ? '' : `?${query}`;
  return `/api${datasetPath(name)}.${format}${suffix}`;
}
