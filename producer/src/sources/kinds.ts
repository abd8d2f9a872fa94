import type { SourceKind } from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';
import type { Source, SourceEvents } from './port.js';
import { RestSource } from './rest/rest.js';
import type { Surroundings } from './surroundings.js';

type MakeSource = (endpoint: Endpoint, surroundings: Surroundings, events: SourceEvents) => Source;

/** What makes each kind of source. Their settings are in shared/src/config/kinds/. */
const SOURCES: Readonly<Record<SourceKind, MakeSource>> = {
  rest: (endpoint, { rest, clock, random }, events) =>
    new RestSource(endpoint, {
      ...events,
      dispatcher: rest.dispatchers.for(endpoint.config),
      proxies: rest.dispatchers.proxies,
      gate: rest.gate,
      pauses: rest.pauses,
      tokens: rest.tokens,
      clock,
      random,
    }),
};

/** Makes the source of an endpoint. It reports to `events` while it is read. */
export const createSource: MakeSource = (endpoint, surroundings, events) =>
  SOURCES[endpoint.config.source](endpoint, surroundings, events);
