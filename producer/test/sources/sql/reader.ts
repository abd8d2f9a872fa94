import { stringifyJson, systemClock } from '@tributary/shared';
import { onTestFinished } from 'vitest';
import { createSource } from '../../../src/sources/kinds.js';
import type { Page, SourceEvents } from '../../../src/sources/port.js';
import { createSurroundings } from '../../../src/sources/surroundings.js';
import { pipelineWith, sqlEndpointWith } from '../../support/pipeline.js';

/** A pipeline's one entity, with these fields. */
export const entityOf = (fields: object, more: object = {}) => ({
  entities: { thing: { dataset: 'things', queue: 'things', key: 'id', fields, ...more } },
});

/** A record as it is published. */
export const written = (record: unknown): string => stringifyJson(record) ?? '';

/** A source of an endpoint that reads a database, until the test ends; all that it gives, and what it tells meanwhile. */
export function readerOf(settings: object, more: object = {}) {
  const posts = { url: 'http://127.0.0.1:1/posts', entity: 'thing' };
  const parents = 'parent' in settings ? { posts } : {};
  const endpoint = sqlEndpointWith({ retries: 2, retryDelay: '1ms', entity: 'thing', ...settings }, more, parents);
  const surroundings = createSurroundings({ limits: pipelineWith({}).limits, clock: systemClock });
  onTestFinished(() => surroundings.close());
  const doubts: string[] = [];
  const retries: string[] = [];
  const events: SourceEvents = {
    onRetry: (code) => void retries.push(code),
    onDoubt: (doubt) => void doubts.push(doubt),
  };
  const source = createSource(endpoint, surroundings, events);
  const read = async (since?: string, signal: AbortSignal = new AbortController().signal): Promise<Page[]> => {
    const pages: Page[] = [];
    for await (const page of source.pages({ since, validators: [], signal })) pages.push(page);
    return pages;
  };
  const records = async (since?: string, signal?: AbortSignal) =>
    (await read(since, signal)).flatMap((page) => page.records);
  return { endpoint, source, read, records, doubts, retries };
}
