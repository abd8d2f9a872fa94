import { Gauge, type Registry } from '@tributary/shared';

/** How far the reading of files has come, as of now or of the end of the last poll. */
export interface Reading {
  /** The file that is being read; undefined between polls. */
  readonly file: { readonly name: string; readonly readBytes: number; readonly bytes: number } | undefined;
  /** Files that the poll in progress has still to look into, behind this one. */
  readonly ahead: number;
  /** Files that are there and are not whole yet. */
  readonly waiting: number;
  /** Files that are there and cannot be read. */
  readonly refused: number;
  /** The name of the first of them; absent if there is none. The log tells why. */
  readonly firstRefused?: string;
}

/** What is known of the endpoints that read files here. */
export class Readings {
  readonly #known = new Map<string, Reading>();

  tell(endpoint: string, reading: Reading): void {
    this.#known.set(endpoint, reading);
  }

  of(endpoint: string): Reading | undefined {
    return this.#known.get(endpoint);
  }

  /**
   * Registers what is known as metrics. They are read when the metrics are.
   * @param isHeld whether this producer is the one that polls an endpoint: what another one knew of it before is no longer so
   */
  measure(registry: Registry, isHeld: (endpoint: string) => boolean): void {
    const gauges = [
      ['waiting', 'Files that are there and are not whole yet', ({ waiting }: Reading) => waiting],
      ['ahead', 'Files that the poll in progress has still to look into', ({ ahead }: Reading) => ahead],
      ['current_bytes', 'Size of the file that is being read; 0 while none is', ({ file }: Reading) => file?.bytes],
      ['current_read_bytes', 'How much of that file was read', ({ file }: Reading) => file?.readBytes],
    ] as const;
    const known = this.#known;
    for (const [name, help, take] of gauges) {
      const gauge = new Gauge({
        name: `tributary_files_${name}`,
        help,
        labelNames: ['endpoint'],
        registers: [registry],
        collect() {
          gauge.reset();
          for (const [endpoint, reading] of known) if (isHeld(endpoint)) gauge.set({ endpoint }, take(reading) ?? 0);
        },
      });
    }
  }
}
