/** An answer that is not the one asked for, with the server's own words for what is wrong. */
export class ApiFailure extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * @param {string} path under /api
 * @param {AbortSignal} [signal]
 * @throws {ApiFailure} with status 0 when the dashboard cannot be reached
 */
export async function get(path, signal) {
  let response;
  try {
    response = await fetch(`/api${path}`, { headers: { accept: 'application/json' }, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiFailure(0, 'unreachable', 'the dashboard cannot be reached');
  }
  const body = await response.json().catch(() => undefined);
  if (response.ok && body !== undefined) return body;
  const { code = 'unknown', message = `the dashboard answered ${response.status}` } = body?.error ?? {};
  throw new ApiFailure(response.status, code, message);
}

export const datasetPath = (name) => `/datasets/${encodeURIComponent(name)}`;

/** The address of a dataset as one CSV file. */
export function downloadAddress(name, { view = 'latest', search = '' } = {}) {
  const query = new URLSearchParams();
  if (view === 'history') query.set('view', view);
  if (search !== '') query.set('search', search);
  const suffix = query.size === 0 ? '' : `?${query}`;
  return `/api${datasetPath(name)}.csv${suffix}`;
}
