import { type EndpointConfig, SOURCES, type SourceKind } from '@tributary/shared';

/** How records of an endpoint come: it is asked again and again, its changes are followed, or events are sent to it. */
export const MODES = ['polled', 'followed', 'sent'] as const;
export type Mode = (typeof MODES)[number];

const MODE_OF = {
  rest: 'polled',
  sql: 'polled',
  files: 'polled',
  webhook: 'sent',
  'postgres-changes': 'followed',
  program: 'polled',
} as const satisfies Record<SourceKind, Mode>;

export const modeOf = ({ source }: EndpointConfig): Mode => MODE_OF[source];

/** What the endpoint reads, for people. */
export const sourceWords = ({ source }: EndpointConfig): string => SOURCES[source].words.replaceAll('`', '');
