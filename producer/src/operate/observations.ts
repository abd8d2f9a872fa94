import { count, isMapping, ownValue } from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';
import { USUAL_LIMITS } from '../poll/limits.js';

/** What the records of a try have in common that hints at a wrong setting. */
export class Observations {
  readonly #endpoint: Endpoint;
  readonly #keys = new Map<string, number>();
  readonly #versions = new Set<string>();
  readonly #filled = new Set<string>();
  #records = 0;
  #filtered = 0;
  #pages = 0;
  #onFirst = 0;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  page(records: number): void {
    this.#pages += 1;
    if (this.#pages === 1) this.#onFirst = records;
  }

  /** @param record in canonical form */
  record(record: unknown, isFiltered: boolean): void {
    const { entity } = this.#endpoint;
    if (isFiltered) this.#filtered += 1;
    this.#records += 1;
    const key = entity.keyOf(record);
    if (key !== undefined) this.#keys.set(key, (this.#keys.get(key) ?? 0) + 1);
    this.#versions.add(entity.versionOf(record) ?? '');
    if (!isMapping(record)) return;
    for (const name of Object.keys(entity.config.fields)) {
      const value = ownValue(record, name);
      if (value !== undefined && value !== null && value !== '') this.#filled.add(name);
    }
  }

  get pages(): number {
    return this.#pages;
  }

  /** How many records `where` left out. */
  get filtered(): number {
    return this.#filtered;
  }

  /** In words, a line each. */
  *hints(): Generator<string> {
    const { entity, cut } = this.#endpoint;
    if (this.#records < 2) return;
    const twice = [...this.#keys].filter(([, times]) => times > 1);
    if (twice.length > 0) {
      const [key = ''] = twice[0] ?? [];
      yield `the key is not unique: ${count(twice.length, 'key')} came more than once, such as ${key}; of such records only the newest stays`;
    }
    const empty = Object.keys(entity.config.fields).filter((name) => !this.#filled.has(name));
    if (empty.length > 0) yield `always empty: ${empty.join(', ')}; is that where the API has them?`;
    if (entity.config.version !== undefined && this.#versions.size === 1) {
      yield `the version ${entity.config.version} is the same in all records: does it grow with each change?`;
    }
    if (cut?.isOnePage === true && USUAL_LIMITS.includes(this.#onFirst)) {
      yield `the answer has exactly ${this.#onFirst} records, and paging is none: does the API cut its answers there?`;
    }
  }
}
