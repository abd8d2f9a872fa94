import { FatalError, parsePipeline } from '@tributary/shared';

export interface GenerateOptions {
  /** The text of a pipeline file. Its endpoints are replaced; everything else stays. */
  readonly text: string;
  readonly count: number;
  /** How often each endpoint is polled, such as 5s. */
  readonly every: string;
  /** What `${NAME}` in the pipeline stands for. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

const PRIORITIES = ['critical', 'high', 'normal', 'low'];

/**
 * A pipeline with as many endpoints as asked, to test how many a producer can poll. They poll the mock CRM's two collections,
 * each with a query of its own, so that they are as different as the endpoints of ninety APIs.
 *
 * @returns the file's new text, which is valid
 * @throws FatalError, ConfigError if it cannot be made
 */
export function generateEndpoints({ text, count, every, env }: GenerateOptions): string {
  if (!(Number.isInteger(count) && count >= 1 && count <= 10_000)) {
    throw new FatalError(
      'count_invalid',
      `--count must be a whole number from 1 to 10000, not ${Number.isNaN(count) ? 'a word' : count}`,
    );
  }
  const section = /^endpoints:\n(?:(?:[ \t#].*)?\n)*/m;
  if (!section.test(text))
    throw new FatalError('pipeline_unusable', 'the pipeline has no "endpoints:" to put them into');
  const endpoints = Array.from({ length: count }, (_, index) => endpoint(index + 1, count, every));
  const generated = text.replace(section, () => `endpoints:\n${endpoints.join('\n')}\n`);
  parsePipeline(generated, env, 'the generated pipeline');
  return generated;
}

function endpoint(number: number, count: number, every: string): string {
  const isCustomer = number % 2 === 1;
  const path = isCustomer ? 'customers' : 'products';
  return `  crm-${path}-${String(number).padStart(String(count).length, '0')}:
    url: \${CRM_URL:-http://127.0.0.1:8080}/${path}
    entity: ${isCustomer ? 'customer' : 'inventory'}
    schedule: { every: ${every} }
    priority: ${PRIORITIES[number % PRIORITIES.length]}
    query: { shard: "${number}" }
    items: $.data
    paging: { type: cursor, parameter: cursor, next: $.nextCursor, sizeParameter: limit, size: 100 }
    incremental: { parameter: updated_since, overlap: 5s }
`;
}
