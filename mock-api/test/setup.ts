import { type Clock, createLogger } from '@tributary/shared';
import { onTestFinished, vi } from 'vitest';
import { createMockApi, type MockApi, type MockApiOptions } from '../src/index.js';

export const silent = createLogger({ service: 'mock-api', instance: 'test', level: 'silent' });

/** A record as a client sees it; tests put odd ones too. */
export type Json = Record<string, unknown>;

export interface Listing {
  readonly data: Json[];
  readonly nextCursor: string | null;
}

/** A mock CRM on a free port, stopped when the test ends. Nothing changes unless the test asks for it. */
export async function startMock(options: Partial<MockApiOptions> = {}): Promise<MockApi> {
  const mock = createMockApi({ port: 0, customers: 25, items: 10, changesPerSecond: 0, log: silent, ...options });
  onTestFinished(() => mock.stop());
  await mock.start();
  return mock;
}

/** Stops the mock and starts it again. fetch may notice late that its kept connections are closed. */
export async function restart(mock: MockApi): Promise<void> {
  await mock.stop();
  await mock.start();
  await vi.waitFor(() => getJson(mock, '/healthz'));
}

export async function getJson<T = Json>(mock: MockApi, path: string): Promise<T> {
  const response = await fetch(mock.url + path);
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** What an error answer says. */
export async function getProblem(mock: MockApi, path: string, init: RequestInit = {}) {
  const response = await fetch(mock.url + path, init);
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  return { status: response.status, ...error };
}

export async function post<T = Json>(mock: MockApi, path: string): Promise<T> {
  const response = await fetch(mock.url + path, { method: 'POST' });
  if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

export function put(mock: MockApi, path: string, body: string): Promise<Response> {
  return fetch(mock.url + path, { method: 'PUT', body });
}

/**
 * Every record of a listing, page by page, in the order served.
 * @param between is awaited after each page
 */
export async function walk(mock: MockApi, path: string, between: () => Promise<unknown> = async () => {}) {
  const separator = path.includes('?') ? '&' : '?';
  const records: Json[] = [];
  let cursor: string | null = null;
  do {
    const page: Listing = await getJson(mock, cursor === null ? path : `${path}${separator}cursor=${cursor}`);
    records.push(...page.data);
    cursor = page.nextCursor;
    await between();
  } while (cursor !== null);
  return records;
}

/** Time that passes when the test says so. */
export class ManualClock implements Clock {
  #time: number;
  #monotonic = 0;
  #sleepers: { readonly until: number; readonly wake: () => void }[] = [];

  constructor(time = Date.UTC(2025, 5, 1)) {
    this.#time = time;
  }

  now(): number {
    return this.#time;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = () => {
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      signal?.addEventListener('abort', wake);
      this.#sleepers.push({ until: this.#monotonic + ms, wake });
    });
  }

  /** Whether something waits for time to pass. */
  get isSlept(): boolean {
    return this.#sleepers.length > 0;
  }

  /** Sets the clock, also back, without waking a sleeper. */
  set(time: number): void {
    this.#time = time;
  }

  /** Lets time pass in one jump. When this resolves, all sleepers that are due have run. */
  async pass(ms: number): Promise<void> {
    this.#time += ms;
    this.#monotonic += ms;
    const due = this.#sleepers.filter(({ until }) => until <= this.#monotonic);
    this.#sleepers = this.#sleepers.filter(({ until }) => until > this.#monotonic);
    for (const { wake } of due) wake();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
