import type { Fault } from '../fault.js';
import { keepsHistory } from '../kinds/sinks.js';
import { checkRowsKept } from '../rows-kept.js';
import type { PipelineConfig } from '../schema.js';

/** A time for which nothing is kept would look as if something were. */
export function* checkRetention(config: PipelineConfig): Generator<Fault> {
  yield* checkRowsKept(config);
  const { retention, sink } = config;
  if (retention.history === undefined || keepsHistory(sink)) return;
  const message = `older states are not kept at all: set sink.${sink.type}.history to true, or leave this out`;
  yield { path: 'retention.history', message };
}
