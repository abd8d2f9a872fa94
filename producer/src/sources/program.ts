import { type Clock, type EndpointConfig, FatalError } from '@tributary/shared';
import type { Source, SourceEvents } from './port.js';

/** What a program's own source is made with. */
export interface SourceContext {
  /** The endpoint's id. One with `for` is there once for each of its values. */
  readonly id: string;
  readonly config: EndpointConfig;
  readonly clock: Clock;
  /** What it tells while it is read. */
  readonly events: SourceEvents;
}

/** Makes the source of an endpoint, once for each time that the pipeline starts. */
export type MakeProgramSource = (context: SourceContext) => Source;

/** By endpoint, as it stands in the pipeline. */
export type ProgramSources = Readonly<Record<string, MakeProgramSource>>;

/** @throws FatalError if the program has none for the endpoint */
export function programSource(sources: ProgramSources, context: SourceContext): Source {
  // Endpoints with `for` have an id of their own for each value: orders.eu.
  const names = Object.keys(sources).filter((name) => context.id === name || context.id.startsWith(`${name}.`));
  const name = names.toSorted((a, b) => b.length - a.length)[0];
  const make = name === undefined ? undefined : sources[name];
  if (make !== undefined) return make(context);
  const remedy = `give it to createPipeline({ sources: { '${context.id}': … } }); a service of its own cannot read it`;
  throw new FatalError('source_missing', `${context.id} is read by a source of a program (source: program): ${remedy}`);
}
