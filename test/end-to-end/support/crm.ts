import type { Customer, Item, Records } from './join.js';
import { startService } from './services.js';
import type { Stage } from './stage.js';

/** What `GET /admin/truth` tells of one collection. */
interface Truth<T> {
  readonly served: number;
  readonly records: readonly { readonly key: string; readonly pending: boolean; readonly record: T }[];
}

/** A mock CRM: what happens to it, and what it holds. */
export class Crm {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** Every record that was ever served, as it is now. */
  async records(): Promise<Records> {
    const { customers, products } = await this.#truth();
    return {
      customers: customers.records.map(({ record }) => record),
      items: products.records.map(({ record }) => record),
    };
  }

  /** @returns the keys of what changed, each once */
  async change(count: number): Promise<{ customers: string[]; products: string[] }> {
    const changed = (await this.#post(`changes?count=${count}`)) as { customers: string[]; products: string[] };
    return { customers: [...new Set(changed.customers)], products: [...new Set(changed.products)] };
  }

  /** Nothing changes any more. */
  async pause(): Promise<void> {
    await this.#post('pause');
  }

  /** @param faults such as `{ latency: 200 }`; none from now on if it is empty */
  async misbehave(faults: object): Promise<void> {
    await this.#post('faults', JSON.stringify(faults));
  }

  async #truth(): Promise<{ readonly customers: Truth<Customer>; readonly products: Truth<Item> }> {
    const response = await fetch(`${this.url}/admin/truth`);
    return (await response.json()) as { customers: Truth<Customer>; products: Truth<Item> };
  }

  async #post(path: string, body?: string): Promise<unknown> {
    const response = await fetch(`${this.url}/admin/${path}`, { method: 'POST', body: body ?? null });
    if (!response.ok) throw new Error(`POST /admin/${path} answered ${response.status}`);
    return await response.json();
  }
}

/** Starts `npm run mock-api`, with nothing changing by itself unless the settings say so. */
export async function startCrm(stage: Stage, settings: Readonly<Record<string, string>> = {}) {
  const service = await startService(stage, 'mock-api', { MOCK_CHANGES_PER_SECOND: '0', ...settings });
  return { crm: new Crm(service.url), service };
}
