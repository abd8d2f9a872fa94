import type { ShapeEvents } from './endpoint-findings.js';

/** What shaping one record found, for a person who looks at that record. */
export class ShapeFindings implements ShapeEvents {
  #unknown: string[] = [];
  #words: string[] = [];

  unknownField(name: string): void {
    this.#unknown.push(name);
  }

  cut(field: string): void {
    this.#words.push(`${field} has more digits than a microsecond; its column holds it cut`);
  }

  failed(place: string, reason: string): void {
    this.#words.push(`the expression of ${place} failed: ${reason}`);
  }

  tell(): void {}

  /** All that was found since the last call, in words; '' if nothing. */
  take(): string {
    const unknown =
      this.#unknown.length === 0 ? [] : [`unknown fields, which are left out: ${this.#unknown.join(', ')}`];
    const words = [...unknown, ...this.#words];
    this.#unknown = [];
    this.#words = [];
    return words.map((one) => `; ${one}`).join('');
  }
}
