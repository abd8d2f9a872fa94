import { systemClock } from '@tributary/shared';
import { type Erased, eraseIn } from '../../src/erase/erase.js';
import type { Sink } from '../../src/sinks/port.js';
import { pipeline } from './records.js';

/** Erases the record with a key, of an entity of the suite's own pipeline. */
export const eraseRecord = (sink: Sink, key: string, entity = 'part'): Promise<Erased> =>
  eraseIn(sink, { config: pipeline(), entity, key, clock: systemClock, signal: new AbortController().signal });
