import { z } from 'zod';
import type { Role } from '../../access/roles.js';
import { COMPARISONS } from '../../data/readers/port.js';
import * as answers from './schemas.js';

interface Operation {
  readonly summary: string;
  /** Who may; a viewer unless it says otherwise. */
  readonly role?: Role | 'anybody';
  readonly parameters?: readonly Parameter[];
  readonly body?: z.ZodType;
  /** JSON unless it is a media type. */
  readonly answer: z.ZodType | 'text/csv' | 'application/x-ndjson' | 'text/event-stream' | 'none';
  readonly status?: number;
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly words: string;
  readonly schema?: Readonly<Record<string, unknown>>;
}

const text = { type: 'string' };
const whole = { type: 'integer', minimum: 0 };
const inPath = (name: string, words: string): Parameter => ({ name, in: 'path', words });
const inQuery = (name: string, words: string, schema: Parameter['schema'] = text): Parameter => ({
  ...{ name, in: 'query', words, schema },
});

const name = inPath('name', 'A dataset of the pipeline');
const selection = [
  inQuery('view', 'The newest row of each key, or every row', { enum: ['latest', 'history'], default: 'latest' }),
  inQuery('search', 'Words that must all occur in a row', { type: 'string', maxLength: 200 }),
  inQuery('where', `Filters, COLUMN:COMPARISON:VALUE with one of ${COMPARISONS.join(', ')}`, {
    type: 'array',
    items: text,
  }),
];
const range = [inQuery('offset', 'Rows to skip', whole), inQuery('limit', 'Rows to give', { ...whole, maximum: 500 })];
const criteria = ['queue', 'code', 'field', 'endpoint', 'search'].map((one) => inQuery(one, `Those of this ${one}`));
const match = z.object({
  ...{ queue: z.string().optional(), code: z.string().optional(), field: z.string().optional() },
  ...{ endpoint: z.string().optional(), search: z.string().optional() },
});
const id = inPath('id', 'As the list gives it');
const reason = z.string().min(3).max(500);

/** Every operation of the API, by path and method. */
export const OPERATIONS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  '/session': {
    get: { summary: 'Who asks, and what they may', role: 'anybody', answer: answers.session },
    post: {
      summary: 'Sign in with a token',
      role: 'anybody',
      body: z.object({ token: z.string() }),
      answer: answers.session,
    },
    delete: { summary: 'Sign out', role: 'anybody', answer: 'none', status: 204 },
  },
  '/pipeline': { get: { summary: 'What the pipeline is made of', answer: answers.pipeline } },
  '/flow': { get: { summary: 'What flows now, and what is wrong in words', answer: answers.flow } },
  '/flow/history': { get: { summary: 'The last hour, in columns', answer: answers.history } },
  '/live': { get: { summary: 'Events `flow` (each second) and `history`', answer: 'text/event-stream' } },
  '/datasets': { get: { summary: 'Every dataset with its numbers', answer: answers.datasets } },
  '/datasets/{name}': {
    get: { summary: 'A dataset with its columns and files', parameters: [name], answer: answers.dataset },
  },
  '/datasets/{name}/rows': {
    get: {
      summary: 'A page of rows, the newest first',
      parameters: [name, ...selection, inQuery('sort', 'A column, with a - before it for the largest first'), ...range],
      answer: answers.rows,
    },
  },
  '/datasets/{name}/facets': {
    get: { summary: 'How often each value occurs', parameters: [name, ...selection], answer: answers.facets },
  },
  '/datasets/{name}/parts/{part}': {
    get: {
      ...{ summary: 'One file as it lies there', answer: 'text/csv' },
      parameters: [name, inPath('part', 'As the dataset names it')],
    },
  },
  '/datasets/{name}.csv': {
    get: { summary: 'A selection as one CSV file (RFC 4180)', parameters: [name, ...selection], answer: 'text/csv' },
  },
  '/datasets/{name}.ndjson': {
    get: {
      summary: 'A selection, one JSON object a line',
      parameters: [name, ...selection],
      answer: 'application/x-ndjson',
    },
  },
  '/trace': {
    get: {
      summary: 'Every version of a key, where it came from, where it lies, and what was made of it',
      parameters: [inQuery('key', 'The key'), inQuery('dataset', 'Its dataset; the first unless given')],
      answer: answers.trace,
    },
  },
  '/dead-letters': {
    get: {
      summary: 'What could not be written, and why',
      parameters: [...criteria, ...range],
      answer: answers.letters,
    },
  },
  '/dead-letters/validate': {
    post: {
      summary: 'What the consumer would say to a payload',
      body: z.object({ entity: z.string(), payload: z.string() }),
      answer: answers.judgement,
    },
  },
  '/dead-letters/replay': {
    post: { summary: 'Send all that match again', role: 'operator', body: z.object({ match }), answer: answers.acted },
  },
  '/dead-letters/discard': {
    post: {
      summary: 'Throw all that match away',
      role: 'admin',
      body: z.object({ match, reason }),
      answer: answers.acted,
    },
  },
  '/dead-letters/{id}': { get: { summary: 'One in full', parameters: [id], answer: answers.wholeLetter } },
  '/dead-letters/{id}/replay': {
    post: {
      ...{ summary: 'Send one again, mended if a payload is given', role: 'operator', parameters: [id] },
      body: z.object({ payload: z.string().optional() }),
      answer: answers.acted,
    },
  },
  '/dead-letters/{id}/discard': {
    post: {
      summary: 'Throw one away',
      role: 'operator',
      parameters: [id],
      body: z.object({ reason }),
      answer: answers.acted,
    },
  },
  '/endpoints/{id}/{command}': {
    post: {
      ...{ summary: 'Run, pause or resume an endpoint', role: 'operator', answer: answers.commanded, status: 202 },
      parameters: [inPath('id', 'An endpoint of the pipeline'), inPath('command', 'run, pause or resume')],
    },
  },
  '/scenarios': { get: { summary: 'What the mock CRM can be made to suffer', answer: answers.scenarios } },
  '/scenarios/{name}': {
    post: {
      ...{ summary: 'Make it suffer that', role: 'admin', answer: answers.scenarioDone },
      parameters: [inPath('name', 'As the list gives it')],
    },
  },
  '/audit': {
    get: {
      summary: 'Who did what, the newest first',
      parameters: [inQuery('limit', 'Entries', whole)],
      answer: answers.audit,
    },
  },
};

/** The API as an OpenAPI 3.1 document. */
export function openApiDocument(): Record<string, unknown> {
  const paths = Object.fromEntries(
    Object.entries(OPERATIONS).map(([path, methods]) => [
      `/api${path}`,
      Object.fromEntries(Object.entries(methods).map(([method, operation]) => [method, describe(operation)])),
    ]),
  );
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tributary dashboard',
      version: '0.1.0',
      description: 'Everything that the dashboard shows and does. Acting needs a token with the role that is named.',
    },
    paths,
    components: {
      schemas: { Failure: jsonSchema(answers.failure) },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'tributary_session' },
      },
    },
  };
}

function describe({ summary, role = 'viewer', parameters = [], body, answer, status = 200 }: Operation) {
  return {
    summary,
    description: role === 'anybody' ? 'For anybody.' : `Needs the role ${role}.`,
    security:
      role === 'anybody'
        ? []
        : role === 'viewer'
          ? [{}, { token: [] }, { session: [] }]
          : [{ token: [] }, { session: [] }],
    parameters: parameters.map(({ words, schema = text, ...rest }) => ({
      ...{ ...rest, description: words, required: rest.in === 'path', schema },
    })),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(body) } } } }),
    responses: {
      [status]: { description: summary, ...contentOf(answer) },
      default: {
        description: 'What is wrong, in words',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Failure' } } },
      },
    },
  };
}

function contentOf(answer: Operation['answer']) {
  if (answer === 'none') return {};
  if (typeof answer === 'string') return { content: { [answer]: { schema: { type: 'string' } } } };
  return { content: { 'application/json': { schema: jsonSchema(answer) } } };
}

const jsonSchema = (schema: z.ZodType) => {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
};
