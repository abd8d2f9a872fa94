import type { Stack } from './stack.js';

/** RabbitMQ's management API, as a user of its UI has it. */
export class Management {
  readonly #origin: string;
  readonly #authorization: string;

  constructor(stack: Stack, user: string, password: string) {
    this.#origin = stack.managementUi;
    this.#authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }

  async get<T>(path: string): Promise<T> {
    const response = await this.#ask(path);
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** Tries to change something. @returns the status of the answer */
  async change(method: 'PUT' | 'POST' | 'DELETE', path: string, body: unknown = {}): Promise<number> {
    return (await this.#ask(path, { method, body: JSON.stringify(body) })).status;
  }

  #ask(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: this.#authorization, 'content-type': 'application/json' };
    return fetch(`${this.#origin}/api/${path}`, { ...init, headers });
  }
}

export interface Queue {
  readonly name: string;
  readonly type: string;
  readonly members?: readonly string[];
  readonly online?: readonly string[];
  readonly arguments: Readonly<Record<string, unknown>>;
}

export interface ConsumerOfQueue {
  readonly consumer_tag: string;
  readonly queue: { readonly name: string };
}

export interface Connection {
  readonly client_properties: { readonly connection_name?: string };
}
