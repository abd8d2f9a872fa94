import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bench, type Size, sizeOf } from '../../bench.js';
import type { Figure } from '../../figure.js';
import { interleave } from '../../interleave.js';
import { customerMessages, type Message } from '../../messages.js';
import { median } from '../../statistics.js';
import { publishAll } from '../poll.js';

/** A place that holds customers, made for one measurement. */
export interface FilledPlace {
  /** The settings of the endpoint that reads it: `source` and what belongs to it. */
  readonly endpoint: object;
  /** Reads everything as fast as a program can that does nothing else with it. @returns records per second */
  readAlone(): Promise<number>;
  remove(): Promise<void>;
}

export interface SourceLine {
  /** As in the pipeline file, and of which server if there are several: `sql`. */
  readonly name: string;
  /** What the place is, for the sentence of the figure: `a table of a Postgres`. */
  readonly words: string;
  /** What it is compared with, and how much of that is asked for. */
  readonly beside: { readonly words: string; measure(bench: Bench, messages: readonly Message[]): Promise<number> };
  readonly sizes?: { readonly quick: Size; readonly full: Size };
  fill(bench: Bench, messages: readonly Message[]): Promise<FilledPlace>;
}

const SIZES = { quick: { records: 100_000, rounds: 1 }, full: { records: 200_000, rounds: 3 } };

/** A producer reads all customers of another place and publishes them. */
export function sourceFigure({ name, words, beside, sizes = SIZES, fill }: SourceLine): Figure {
  return {
    name: `sources.${name}`,
    unit: 'records/s',
    sentence: `The producer reads ${words} and publishes what is there, each record confirmed. The limit is ${beside.words}, with the same records.`,
    async measure(bench) {
      const { records, rounds } = sizeOf(bench, sizes);
      const messages = customerMessages({ count: records });
      const place = await fill(bench, messages);
      const alone: number[] = [];
      try {
        const PIPELINE = writePipeline(bench, place.endpoint);
        const measured = await interleave(bench, `sources.${name}`, rounds, {
          async ours() {
            alone.push(Math.round(await place.readAlone()));
            return (await publishAll(bench, records, { PIPELINE })).perSecond;
          },
          limit: () => beside.measure(bench, messages),
        });
        const readingAlone = Math.round(median(alone));
        return {
          ...measured,
          more: { ...measured.more, readingAlone },
          detail: `reading alone: ${readingAlone.toLocaleString('en')}/s`,
        };
      } finally {
        await place.remove();
      }
    },
  };
}

/** The customers of the demo, from another place. */
export function writePipeline(bench: Bench, settings: object): string {
  const file = join(mkdtempSync(join(bench.folder, 'pipeline-')), 'pipeline.json');
  const { entities } = bench.servers.config;
  const fields = {
    id: 'string',
    name: 'string',
    email: 'string',
    phone: 'string?',
    company: 'string?',
    city: 'string?',
    country: 'string?',
    segment: 'string?',
    lines: { type: 'list', items: { sku: 'string', quantity: 'integer' } },
    updatedAt: 'datetime',
  };
  const customer = {
    dataset: 'customers',
    queue: entities.customer?.queue,
    key: 'id',
    version: 'updatedAt',
    fields,
  };
  const endpoint = { entity: 'customer', schedule: { every: '1h' }, ...settings };
  writeFileSync(file, JSON.stringify({ entities: { customer }, endpoints: { customers: endpoint } }));
  return file;
}
