import type { EndpointOf, FormatConfig } from '@tributary/shared';
import { type Makers, makeKind } from '../../makers.js';
import { csvFormat } from './csv.js';
import type { BodyFormat, RecordSettings } from './format.js';
import { jsonFormat } from './json.js';
import { ndjsonFormat } from './ndjson.js';
import { xmlFormat } from './xml.js';

/** The kinds of bodies. Their settings are in shared/src/config/kinds/formats.ts. */
const FORMATS: Makers<FormatConfig, [RecordSettings], BodyFormat> = {
  json: jsonFormat,
  ndjson: ndjsonFormat,
  csv: csvFormat,
  xml: xmlFormat,
};

export const createFormat = (settings: RecordSettings & Pick<EndpointOf<'rest'>, 'format'>): BodyFormat =>
  makeKind(FORMATS, settings.format, settings);
