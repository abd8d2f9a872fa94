import { Counter, Gauge, type Registry } from '@tributary/shared';

interface Last {
  readonly rows: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What this dashboard has exported, counted for metrics. */
export class Tally {
  readonly #last = new Map<string, Last>();
  readonly #runs = new Map<string, { done: number; failed: number }>();

  done(name: string, last: Last): void {
    this.#last.set(name, last);
    this.#of(name).done++;
  }

  failed(name: string): void {
    this.#of(name).failed++;
  }

  #of(name: string) {
    const found = this.#runs.get(name) ?? { done: 0, failed: 0 };
    this.#runs.set(name, found);
    return found;
  }

  register(registry: Registry): void {
    const runs = this.#runs;
    const last = this.#last;
    new Counter({
      name: 'tributary_export_runs_total',
      help: 'Runs of exports by this dashboard, by how they ended',
      labelNames: ['export', 'outcome'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [name, { done, failed }] of runs) {
          this.inc({ export: name, outcome: 'done' }, done);
          this.inc({ export: name, outcome: 'failed' }, failed);
        }
      },
    });
    const gauge = (measure: string, help: string, measured: (one: Last) => number) =>
      new Gauge({
        name: `tributary_export_last_${measure}`,
        help,
        labelNames: ['export'],
        registers: [registry],
        collect() {
          for (const [name, one] of last) this.set({ export: name }, measured(one));
        },
      });
    gauge(
      'success_timestamp_seconds',
      'When this dashboard last exported it, in seconds since 1970',
      ({ at }) => at / 1_000,
    );
    gauge('rows', 'Rows of the last export by this dashboard', ({ rows }) => rows);
    gauge('bytes', 'Bytes of the last export by this dashboard', ({ bytes }) => bytes);
    gauge('seconds', 'How long the last export by this dashboard took', ({ seconds }) => seconds);
  }
}
