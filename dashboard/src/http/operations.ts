import { z } from 'zod';
import { accessOperations } from '../access/operations.js';
import { ASKING } from '../access/rate-limit.js';
import { alertOperations } from '../alerts/operations.js';
import { auditOperations } from '../audit/operations.js';
import { configurationOperations } from '../configuration/operations.js';
import { dataOperations } from '../data/operations.js';
import { deadLetterOperations } from '../dead-letters/operations.js';
import { endpointLogOperations } from '../endpoints/log.js';
import { endpointOperations } from '../endpoints/operations.js';
import { scenarioOperations } from '../endpoints/scenarios.js';
import { exportOperations } from '../exports/operations.js';
import { flowOperations } from '../flow/operations.js';
import { sourceOperations } from '../sources/operations.js';
import { sqlOperations } from '../sql/operations.js';
import { traceOperations } from '../trace/operations.js';
import { openApiDocument } from './openapi.js';
import { type Operation, operation } from './operation.js';

const described: readonly Operation[] = [
  ...accessOperations,
  ...flowOperations,
  ...alertOperations,
  ...dataOperations,
  ...sqlOperations,
  ...traceOperations,
  ...deadLetterOperations,
  ...endpointOperations,
  ...endpointLogOperations,
  ...scenarioOperations,
  ...sourceOperations,
  ...exportOperations,
  ...configurationOperations,
  ...auditOperations,
];
const document = openApiDocument(described);

/** Every operation of the API. There is no other route under `/api`. */
export const OPERATIONS: readonly Operation[] = [
  ...described,
  operation({
    method: 'get',
    path: '/openapi.json',
    summary: 'The API as an OpenAPI 3.1 document',
    role: 'open',
    body: 'none',
    rate: ASKING,
    load: 'light',
    answer: z.record(z.string(), z.unknown()),
    handler: () => document,
  }),
];
