import { applyTopology, type PipelineConfig, publishOptions, topologyOf } from '@tributary/shared';
import { connect } from 'amqplib';
import type { Truth } from '../audit/truth.js';
import { type PipelineFile, write } from './pipeline.js';

const ENTITY = 'reading';

/** Milliseconds since the epoch: all records are of one moment, and told apart by their keys. */
const TAKEN_AT = Date.UTC(2026, 0, 1);

const CHANGED_AT = new Date(TAKEN_AT).toISOString();

/** A pipeline of one entity, whose records nobody polls. */
export function writePreloadPipeline(folder: string, batchSize: number): PipelineFile {
  return write(folder, {
    name: 'preload',
    entities: {
      [ENTITY]: {
        dataset: 'readings',
        queue: 'reading_data',
        key: 'id',
        version: 'changedAt',
        fields: { id: 'string', station: 'string', celsius: 'number', note: 'string?', changedAt: 'datetime' },
      },
    },
    endpoints: {},
    batch: { size: batchSize, interval: '1s' },
    sink: { csv: { directory: `${folder}/output` } },
  });
}

function recordOf(index: number) {
  return {
    id: `R-${String(index).padStart(7, '0')}`,
    station: `Station "${index % 97}", north`,
    celsius: Math.round(Math.sin(index) * 4_000) / 100,
    ...(index % 5 === 0 ? { note: '=checked by hand\r\nand found good' } : {}),
    changedAt: CHANGED_AT,
  };
}

/** Puts that many distinct records into the queue, as a producer would, and waits for the last confirm. */
export async function preload(
  url: string,
  config: PipelineConfig,
  records: number,
  signal: AbortSignal,
): Promise<void> {
  const topology = topologyOf(config);
  const connection = await connect(url);
  try {
    const channel = await connection.createConfirmChannel();
    await applyTopology(channel, topology);
    for (let index = 0; index < records; index++) {
      const record = recordOf(index);
      const envelope = {
        messageId: idOf(index),
        endpoint: 'readings',
        entity: ENTITY,
        key: record.id,
        version: record.changedAt,
        run: 1,
        fetchedAt: CHANGED_AT,
        traceparent: '',
      };
      channel.publish(topology.exchange, ENTITY, Buffer.from(JSON.stringify(record)), publishOptions(envelope));
      if (index % 1_000 === 999) await channel.waitForConfirms();
      signal.throwIfAborted();
    }
    await channel.waitForConfirms();
  } finally {
    await connection.close();
  }
}

/** In the form of a UUIDv7 (RFC 9562). */
const idOf = (index: number): string => `019b7600-0000-7000-8000-${index.toString(16).padStart(12, '0')}`;

/** What should have landed. */
export function preloadTruth(records: number): Truth {
  return {
    async *records() {
      for (let index = 0; index < records; index++) {
        yield { record: recordOf(index), changedAt: TAKEN_AT, pending: false };
      }
    },
  };
}
