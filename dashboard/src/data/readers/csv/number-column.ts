type Numbers = Float64Array | Uint32Array | Uint16Array | Uint8Array;

/** A growing column of numbers: a few bytes a row, where an object for each row would cost a hundred. */
export class NumberColumn {
  readonly #allocate: (length: number) => Numbers;
  #values: Numbers;
  #length = 0;

  /** @param allocate makes an array of that many zeros; its type decides what range the column holds */
  constructor(allocate: (length: number) => Numbers) {
    this.#allocate = allocate;
    this.#values = allocate(1024);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = this.#allocate(this.#length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
  }

  /** The value at `index`; 0 beyond the end. */
  at(index: number): number {
    return this.#values[index] ?? 0;
  }

  set(index: number, value: number): void {
    this.#values[index] = value;
  }

  /** The values as they are now. */
  copy(): Numbers {
    return this.#values.slice(0, this.#length);
  }
}
