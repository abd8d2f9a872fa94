import { createLogger, datasetsOf, type PipelineConfig, systemClock } from '@tributary/shared';
import type { SinkContext } from '../../src/sinks/port.js';
import { pipeline } from './records.js';

/** What a sink is made with that stands before the suite: its own pipeline, unless another is given. */
export function contextOf(config: PipelineConfig = pipeline()): SinkContext {
  const log = createLogger({ service: 'consumer', instance: 'test', level: 'silent' });
  return { pipeline: config.name, datasets: datasetsOf(config), clock: systemClock, log };
}
