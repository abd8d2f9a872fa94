import { type EndpointConfig, parsePipeline, systemClock } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import type { Source } from '../../src/sources/port.js';
import { type ProgramSources, programSource } from '../../src/sources/program.js';

const events = { onRetry() {}, onDoubt() {} };
const source = (): Source => ({ countsPages: false, async *pages() {} });

function configOf(more: object = {}): EndpointConfig {
  const { endpoints } = parsePipeline(
    JSON.stringify({
      entities: { post: { dataset: 'posts', queue: 'posts', key: 'id', fields: { id: 'string' } } },
      endpoints: { blog: { source: 'program', entity: 'post', ...more } },
    }),
    {},
    'the pipeline',
  );
  const [endpoint] = Object.values(endpoints);
  if (endpoint === undefined) throw new Error('there is no endpoint');
  return endpoint;
}

const made = (sources: ProgramSources, id: string) =>
  programSource(sources, { id, config: configOf(), clock: systemClock, events });

describe('a source of a program', () => {
  it('is found by its endpoint, also by one of each value of a list', () => {
    const ids: string[] = [];
    const make: ProgramSources[string] = ({ id }) => {
      ids.push(id);
      return source();
    };
    const never = () => {
      throw new Error('another endpoint');
    };
    made({ blog: make, blo: never }, 'blog');
    made({ blog: make }, 'blog.eu');
    made({ blog: never, 'blog.eu': make }, 'blog.eu');
    expect(ids).toEqual(['blog', 'blog.eu', 'blog.eu']);
  });

  it('that nobody has given is told in words, with what to do', () => {
    expect(() => made({}, 'blog')).toThrow(/blog is read by a source of a program.*createPipeline/);
    expect(() => made({ blog: source }, 'blogs')).toThrow('blogs is read');
  });

  it('is asked for what is new only where its entity has a version', () => {
    expect(() => configOf({ incremental: {} })).toThrow('entity "post" has no version to go by');
    expect(configOf({ revision: '2' })).toMatchObject({ source: 'program', revision: '2' });
  });
});
