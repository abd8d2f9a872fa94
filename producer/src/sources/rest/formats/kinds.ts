import type { EndpointConfig } from '@tributary/shared';
import type { BodyFormat } from './format.js';
import { jsonFormat } from './json.js';
import { ndjsonFormat } from './ndjson.js';

/** The settings of an endpoint that say how its bodies are read. */
type FormatSettings = Pick<EndpointConfig, 'format' | 'items'>;

/** The kinds of bodies. Their words for people are in shared/src/config/kinds/formats.ts. */
const FORMATS: Readonly<Record<EndpointConfig['format'], (settings: FormatSettings) => BodyFormat>> = {
  json: jsonFormat,
  ndjson: ndjsonFormat,
};

export const createFormat = (settings: FormatSettings): BodyFormat => FORMATS[settings.format](settings);
