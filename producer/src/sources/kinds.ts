import type { SourceKind } from '@tributary/shared';
import type { Endpoint, EndpointFrom } from '../endpoint.js';
import { archiveOf } from './files/archive.js';
import { FilesSource } from './files/files.js';
import { placeOf } from './files/places/kinds.js';
import { S3 } from './files/places/s3-client.js';
import type { Source, SourceEvents } from './port.js';
import { PostgresChangesSource } from './postgres-changes/postgres-changes.js';
import { programSource } from './program.js';
import { RestSource } from './rest/rest.js';
import { tracedExchange } from './rest/traced-exchange.js';
import { SqlSource } from './sql/sql.js';
import type { Surroundings } from './surroundings.js';
import { WebhookSource } from './webhook/webhook.js';

type MakeSource<E> = (endpoint: E, surroundings: Surroundings, events: SourceEvents) => Source;

/** What makes each kind of source. Their settings are in shared/src/config/kinds/. */
const SOURCES: { readonly [K in SourceKind]: MakeSource<EndpointFrom<K>> } = {
  rest: (endpoint, { rest, gate, clock, random, telemetry }, events) =>
    new RestSource(endpoint, {
      ...events,
      dispatcher: rest.dispatchers.for(endpoint.config),
      proxies: rest.dispatchers.proxies,
      gate,
      pauses: rest.pauses,
      tokens: rest.tokens,
      clock,
      random,
      exchange: telemetry && tracedExchange(telemetry),
    }),
  sql: (endpoint, { databases, gate, clock, random }, events) =>
    new SqlSource(endpoint, {
      ...events,
      database: databases.for(endpoint.config),
      gate,
      clock,
      random,
    }),
  webhook: () => new WebhookSource(),
  'postgres-changes': (endpoint, { clock, random, streams }, events) =>
    new PostgresChangesSource(endpoint, {
      ...events,
      onStatus: (status) => streams.tell(endpoint.id, status),
      clock,
      random,
    }),
  files(endpoint, { gate, clock, random, readings }, events) {
    const { config } = endpoint;
    const s3 = () => new S3(config, { ...events, gate, clock, random });
    return new FilesSource(endpoint, {
      ...events,
      place: placeOf(config, s3),
      archive: archiveOf(config, s3),
      clock,
      onReading: (reading) => readings.tell(endpoint.id, reading),
    });
  },
  program: ({ id, config }, { programSources, clock }, events) =>
    programSource(programSources, { id, config, clock, events }),
};

/** Makes the source of an endpoint. It reports to `events` while it is read. */
export const createSource: MakeSource<Endpoint> = (endpoint, surroundings, events) => {
  // The compiler cannot see that the maker found by a name takes the endpoint whose settings hold this name.
  const make = SOURCES[endpoint.config.source] as MakeSource<Endpoint>;
  return make(endpoint, surroundings, events);
};
