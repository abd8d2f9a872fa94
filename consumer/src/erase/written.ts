import { datasetsOf, FatalError, type PipelineConfig, sinkWords } from '@tributary/shared';
import type { Sink } from '../sinks/port.js';

/**
 * Nothing would be found of anybody in the output of another pipeline, or where none was ever written: and that would be told as the truth.
 * @throws FatalError saying what is there
 */
export async function refuseForeignOutput(sink: Sink, config: PipelineConfig): Promise<void> {
  const { datasets, isBegun = true } = await sink.stored();
  const own = new Set(datasetsOf(config).map(({ name }) => name));
  const others = datasets.filter(({ name }) => !own.has(name)).map(({ name }) => name);
  if (isBegun && (others.length === 0 || others.length < datasets.length)) return;
  const { description } = sinkWords(config.sink);
  const found =
    others.length === 0 ? 'nothing that a pipeline has written' : `${others.join(', ')}, and nothing of this pipeline`;
  throw new FatalError(
    'output_foreign',
    `${description}: there is ${found}, so nothing was looked at. After start --output DIR, say --output DIR here too; otherwise see that the pipeline file and the environment (OUTPUT_DIR, POSTGRES_URL) name the output as the consumer has it`,
  );
}
