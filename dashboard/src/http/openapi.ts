import { z } from 'zod';
import { SESSION_COOKIES } from '../access/guard.js';
import type { Operation } from './operation.js';

/** What every answer that is an error looks like. */
export const failure = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string() }),
});

/** The API as an OpenAPI 3.1 document. */
export function openApiDocument(operations: readonly Operation[]): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    const path = `/api${operation.path}`;
    paths[path] = { ...paths[path], [operation.method]: describe(operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tributary dashboard',
      version: '0.2.0',
      description: 'Everything that the dashboard shows and does. Acting needs a token with the role that is named.',
    },
    paths,
    components: {
      schemas: { Failure: jsonSchema(failure) },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIES[0] },
      },
    },
  };
}

const SIGNED_IN = [{ token: [] }, { session: [] }];
/** Reading may be open. */
const MAYBE_SIGNED_IN = [{}, ...SIGNED_IN];

function describe({ summary, role, params, query, body, answer, status }: Operation) {
  return {
    summary,
    description: role === 'open' ? 'No role is needed.' : `Needs the role ${role}.`,
    security: role === 'open' ? [] : role === 'viewer' ? MAYBE_SIGNED_IN : SIGNED_IN,
    parameters: [
      ...Object.entries(params).map(([name, schema]) => ({
        name,
        in: 'path',
        required: true,
        ...describeValue(schema),
      })),
      ...Object.entries(query).map(([name, schema]) => ({
        name,
        in: 'query',
        required: !schema.safeParse(undefined).success,
        ...describeValue(schema),
      })),
    ],
    ...(body === 'none' ? {} : { requestBody: describeBody(body.schema) }),
    responses: {
      [status]: { description: summary, ...contentOf(answer) },
      default: {
        description: 'What is wrong, in words',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Failure' } } },
      },
    },
  };
}

function describeValue(value: z.ZodType) {
  const { description, ...schema } = jsonSchema(value);
  return { description, schema };
}

const describeBody = (schema: z.ZodType) => ({
  required: !schema.safeParse({}).success,
  content: { 'application/json': { schema: jsonSchema(schema) } },
});

function contentOf(answer: Operation['answer']) {
  if (answer === 'none') return {};
  // A file of JSON may hold anything.
  if (typeof answer === 'string') {
    return { content: { [answer]: { schema: answer === 'application/json' ? {} : { type: 'string' } } } };
  }
  return { content: { 'application/json': { schema: jsonSchema(answer) } } };
}

function jsonSchema(schema: z.ZodType) {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
}
