import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Clock, systemClock } from '@tributary/shared';
import { onTestFinished } from 'vitest';
import { archiveOf } from '../../../src/sources/files/archive.js';
import { FilesSource } from '../../../src/sources/files/files.js';
import { placeOf } from '../../../src/sources/files/places/kinds.js';
import { S3 } from '../../../src/sources/files/places/s3-client.js';
import type { Reading } from '../../../src/sources/files/readings.js';
import { Gate } from '../../../src/sources/gate.js';
import { type Input, type Page, type PageRequest, type Place, Unreadable } from '../../../src/sources/port.js';
import { filesEndpointWith, pipelineWith } from '../../support/pipeline.js';

/** A folder with files, and the source that reads it. */
export async function stageOf(settings: object = {}, more: object = {}, clock: Clock = systemClock) {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-files-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const withPaths = JSON.parse(
    JSON.stringify({ path: 'FOLDER/in/*', settle: '0ms', ...settings }).replaceAll('FOLDER', folder),
  ) as object;
  const endpoint = filesEndpointWith(withPaths, more);
  const doubts: string[] = [];
  const retried: string[] = [];
  const readings: Reading[] = [];
  const gate = new Gate(pipelineWith({}).limits, clock);
  const events = { onRetry: (code: string) => void retried.push(code), onDoubt: () => {} };
  const s3 = () => new S3(endpoint.config, { ...events, gate, clock, random: () => 1 });
  const source = new FilesSource(endpoint, {
    place: placeOf(endpoint.config, s3),
    archive: archiveOf(endpoint.config, s3),
    clock,
    onRetry: () => {},
    onDoubt: (doubt) => void doubts.push(doubt),
    onReading: (reading) => void readings.push(reading),
  });
  await mkdir(join(folder, 'in'));
  /** Writes a file whose time is this many minutes after the beginning of 2026. */
  const write = async (name: string, content: string | Buffer, minute = 0) => {
    const path = join(folder, 'in', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    const time = new Date(Date.UTC(2026, 0, 1, 0, minute));
    await utimes(path, time, time);
    return path;
  };
  let place: Place | undefined;
  const read = async (asked: Partial<PageRequest> = {}) => {
    const pages: Page[] = [];
    const request = { validators: [], place, signal: new AbortController().signal, ...asked };
    for await (const page of source.pages(request)) pages.push(page);
    return pages;
  };
  /** What one more poll gives, which goes on where the one before stopped. */
  const poll = async () => {
    const pages = await read();
    const saved = pages.findLast((page) => page.place !== undefined)?.place;
    place = saved === undefined ? place : (JSON.parse(JSON.stringify(saved)) as Place);
    await source.saved?.(new AbortController().signal);
    const bad: string[] = [];
    const records: unknown[] = [];
    for (const page of pages) {
      for (const [index, record] of page.records.entries()) {
        if (record instanceof Unreadable) bad.push(`${page.originOf?.(index)}: ${record.fault}`);
        else records.push(record);
      }
    }
    const inputs = pages.flatMap((page): readonly Input[] => page.inputs ?? []);
    return { pages, records, bad, inputs, place };
  };
  return { folder, endpoint, source, doubts, retried, readings, write, read, poll };
}

export const idsIn = (records: readonly unknown[]): unknown[] =>
  records.map((record) => (record as { id: unknown }).id);
