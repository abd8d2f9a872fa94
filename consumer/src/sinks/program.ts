import { FatalError } from '@tributary/shared';
import type { MakeProgramSink, SinkMaker } from './port.js';

function given(make: MakeProgramSink | undefined): MakeProgramSink {
  if (make !== undefined) return make;
  const remedy = 'give it to createPipeline({ sink: … }); a service of its own cannot write to it';
  throw new FatalError('sink_missing', `rows go to a sink of a program (sink.type: program): ${remedy}`);
}

/** A sink that a program brings. */
export const programSink: SinkMaker<unknown> = {
  check({ program }) {
    given(program);
  },
  create({ program, pipeline, datasets, clock, log }) {
    return given(program)({ pipeline, datasets, clock, log });
  },
};
