import type { Endpoint } from '../endpoint.js';
import type { Source, SourceEvents } from './port.js';
import { RestSource } from './rest/rest.js';
import type { Surroundings } from './surroundings.js';

/** Where an endpoint's records come from. The pipeline file does not choose yet: every endpoint is a REST API. */
type SourceKind = 'rest';

type MakeSource = (endpoint: Endpoint, surroundings: Surroundings, events: SourceEvents) => Source;

/** What makes each kind of source. */
const SOURCES: Readonly<Record<SourceKind, MakeSource>> = {
  rest: (endpoint, { rest, clock, random }, events) =>
    new RestSource(endpoint, {
      ...events,
      dispatcher: rest.dispatchers.for(endpoint.config),
      gate: rest.gate,
      clock,
      random,
    }),
};

/** Makes the source of an endpoint. It reports to `events` while it is read. */
export const createSource: MakeSource = (endpoint, surroundings, events) =>
  SOURCES.rest(endpoint, surroundings, events);
