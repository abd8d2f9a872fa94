import type { EntityConfig } from '@tributary/shared';
import type { ShapeEvents } from './endpoint-findings.js';

const FATES: Readonly<Record<EntityConfig['unknownFields'], string>> = {
  tell: 'unknown fields, which are left out',
  keep: 'unknown fields, which are kept in unknown_fields',
  refuse: 'unknown fields, which are refused',
};

/** What shaping one record found, for a person who looks at that record. */
export class ShapeFindings implements ShapeEvents {
  readonly #fate: string;
  #unknown: string[] = [];
  #words: string[] = [];

  /** @param unknownFields what the entity does with fields that it does not declare */
  constructor(unknownFields: EntityConfig['unknownFields'] = 'tell') {
    this.#fate = FATES[unknownFields];
  }

  unknownField(name: string): void {
    this.#unknown.push(name);
  }

  cut(field: string): void {
    this.#words.push(`${field} has more digits than a microsecond; its column holds it cut`);
  }

  notInHierarchy(field: string): void {
    this.#words.push(`the value of ${field} is not in its hierarchy: it lands as *`);
  }

  failed(place: string, reason: string): void {
    this.#words.push(`the expression of ${place} failed: ${reason}`);
  }

  tell(): void {}

  /** All that was found since the last call, in words; '' if nothing. */
  take(): string {
    const unknown = this.#unknown.length === 0 ? [] : [`${this.#fate}: ${this.#unknown.join(', ')}`];
    const words = [...unknown, ...this.#words];
    this.#unknown = [];
    this.#words = [];
    return words.map((one) => `; ${one}`).join('');
  }
}
