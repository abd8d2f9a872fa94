import { type Entity, type SinkKind, type SpanAttributes, type Telemetry, traced } from '@tributary/shared';
import type { Deduplicated } from '../claim/claims.js';
import type { Incoming } from '../intake/decode.js';
import type { Entry } from '../merge/merge.js';

/** What databases are called in spans; a sink that is none has no name there. */
const SYSTEMS: Readonly<Record<SinkKind, SpanAttributes>> = {
  csv: {},
  postgres: { 'db.system.name': 'postgresql', 'db.operation.name': 'INSERT' },
  program: {},
};

/**
 * The spans of the consumer: what was judged together, and what was made durable together. Each links to the messages that it is about,
 * and is within the span that published them if that is one.
 */
export class BatchTraces {
  readonly #telemetry: Telemetry;
  readonly #sink: SinkKind;

  constructor(telemetry: Telemetry, sink: SinkKind) {
    this.#telemetry = telemetry;
    this.#sink = sink;
  }

  /** Claims the rows of records that came together. */
  async claim(entity: Entity, incoming: readonly Incoming[], work: () => Promise<Deduplicated>): Promise<Deduplicated> {
    if (incoming.length === 0) return await work();
    return await traced(
      this.#telemetry,
      `claim ${entity.config.queue}`,
      () => about(entity, incoming),
      async (span) => {
        const judged = await work();
        span?.set({
          'tributary.fresh': judged.fresh.length + judged.kept.length,
          'tributary.duplicates': judged.duplicates.length,
          'tributary.stale': judged.stale.length,
          'tributary.busy': judged.busy.length,
        });
        return judged;
      },
    );
  }

  /** Makes a group of batches durable: writes and commits are within this span. */
  batch(entity: Entity, entries: readonly Entry[], work: () => Promise<void>): Promise<void> {
    const options = () =>
      about(
        entity,
        entries.map(({ claimed }) => claimed),
      );
    return traced(this.#telemetry, `batch ${entity.config.queue}`, options, work);
  }

  /** Writes rows of a dataset to the sink, which may take as long as the sink is away. */
  write<T>(dataset: string, rows: number, work: () => Promise<T>): Promise<T> {
    const attributes = {
      ...SYSTEMS[this.#sink],
      'db.collection.name': dataset,
      'db.operation.batch.size': rows,
      'tributary.sink': this.#sink,
    };
    return traced(this.#telemetry, `write ${dataset}`, () => ({ kind: 'client', attributes }), work);
  }

  /** Commits rows of a dataset in the ledger. */
  commit(dataset: string, rows: number, work: () => Promise<void>): Promise<void> {
    const attributes = {
      'db.system.name': 'redis',
      'db.operation.name': 'EVALSHA',
      'db.operation.batch.size': rows,
      'tributary.dataset': dataset,
    };
    return traced(this.#telemetry, `commit ${dataset}`, () => ({ kind: 'client', attributes }), work);
  }
}

function about({ name, config: { queue } }: Entity, incoming: readonly Pick<Incoming, 'envelope'>[]) {
  const attributes = {
    'messaging.system': 'rabbitmq',
    'messaging.operation.type': 'process',
    'messaging.destination.name': queue,
    'messaging.batch.message_count': incoming.length,
    'tributary.entity': name,
  };
  const messages = new Set<string>();
  for (const { envelope } of incoming) messages.add(envelope.traceparent);
  return { kind: 'consumer', messages, attributes } as const;
}
