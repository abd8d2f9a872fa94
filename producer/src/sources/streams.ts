import { Gauge, type Registry } from '@tributary/shared';

/** How far a source that is followed is behind the other side. */
export interface StreamStatus {
  /** What is done now. */
  readonly phase: 'copying' | 'streaming';
  /** As the other side calls it: the name of a replication slot. */
  readonly name: string;
  /** Bytes of the log that are not confirmed yet. */
  readonly lagBytes: number;
  /** How long ago the oldest change that is not confirmed was made, at most; 0 if there is none. */
  readonly lagSeconds: number;
  /** Bytes of the log that the other side keeps for us, on its disk. */
  readonly retainedBytes: number;
  /** What a person has to do before it is too late, in words; undefined if nothing. */
  readonly problem?: string | undefined;
}

/** What is known of the sources that this producer follows. Each tells of itself while it is followed here. */
export class Streams {
  readonly #known = new Map<string, StreamStatus>();

  /** @param status undefined once another producer follows it, or none */
  tell(endpoint: string, status: StreamStatus | undefined): void {
    if (status === undefined) this.#known.delete(endpoint);
    else this.#known.set(endpoint, status);
  }

  statusOf(endpoint: string): StreamStatus | undefined {
    return this.#known.get(endpoint);
  }

  /** In words, for `/readyz`. */
  problems(): string[] {
    return [...this.#known.values()].flatMap(({ problem }) => problem ?? []);
  }

  /** Registers what is known as metrics. They are read when the metrics are. */
  measure(registry: Registry): void {
    const measured = [
      [
        'lag_bytes',
        'Bytes of the log of a database that is followed, which RabbitMQ has not confirmed yet',
        'lagBytes',
      ],
      ['lag_seconds', 'How long ago the oldest change that RabbitMQ has not confirmed was made, at most', 'lagSeconds'],
      ['retained_bytes', 'Bytes of its log that a database keeps on its disk for an endpoint', 'retainedBytes'],
    ] as const;
    const known = this.#known;
    for (const [name, help, value] of measured) {
      const gauge = new Gauge({
        name: `tributary_stream_${name}`,
        help,
        labelNames: ['endpoint'],
        registers: [registry],
        collect() {
          gauge.reset();
          for (const [endpoint, status] of known) gauge.set({ endpoint }, status[value]);
        },
      });
    }
    const problem = new Gauge({
      name: 'tributary_stream_endangered',
      help: '1 while the log that a database keeps for an endpoint is about to fill its disk, or to be thrown away',
      labelNames: ['endpoint'],
      registers: [registry],
      collect() {
        problem.reset();
        for (const [endpoint, status] of known) problem.set({ endpoint }, status.problem === undefined ? 0 : 1);
      },
    });
  }
}
