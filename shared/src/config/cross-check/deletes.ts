import type { Fault } from '../fault.js';
import type { IncrementalConfig } from '../incremental.js';
import type { EndpointConfig, PipelineConfig } from '../schema.js';

/** Whether what is to be deleted can ever be known: what is missing shows only where everything is read again. */
export function* checkDeletes({ endpoints }: PipelineConfig): Generator<Fault> {
  for (const [id, endpoint] of Object.entries(endpoints)) {
    const { deletes } = endpoint;
    if (deletes === undefined) continue;
    const path = `endpoints.${id}.deletes`;
    if (deletes.when === undefined && !deletes.missing) {
      yield {
        path,
        message:
          'it says nothing: expected when, for an API that marks what is deleted, or missing: true, for one that leaves it out',
      };
    }
    if (deletes.atMost !== undefined && !deletes.missing) {
      yield {
        path: `${path}.atMost`,
        message: 'it limits what may be missing: expected missing: true beside it, or leave atMost out',
      };
    }
    if (deletes.missing) yield* checkMissing(`${path}.missing`, id, endpoints);
  }
}

function* checkMissing(path: string, id: string, endpoints: PipelineConfig['endpoints']): Generator<Fault> {
  const [root, above] = rootOf(id, endpoints);
  if (root === undefined) return;
  const { resync, schedule } = root;
  const incremental: IncrementalConfig | undefined = root.incremental;
  const [whose, where] = above === id ? ['', ''] : [` of ${above}, which it is polled for,`, ` to ${above}`];
  if (incremental?.window !== undefined) {
    const message = `incremental.window${whose} reads in slices, and no walk is over everything: leave one out`;
    yield { path, message };
  } else if (incremental !== undefined && resync === undefined) {
    const message = `with incremental${whose} a poll brings what changed, and nothing is ever seen to be missing: add resync: { every: 24h }${where}, so that everything is read at times`;
    yield { path, message };
  }
  if ('once' in schedule) {
    yield { path, message: `schedule: { once: true }${whose} polls once, and there is nothing to compare with` };
  }
}

/** The endpoint whose schedule says when this one is polled; none in a circle, which is told elsewhere. */
function rootOf(id: string, endpoints: PipelineConfig['endpoints']): readonly [EndpointConfig | undefined, string] {
  const passed = new Set<string>();
  for (let name = id; !passed.has(name); ) {
    passed.add(name);
    const endpoint = endpoints[name];
    if (endpoint?.parent === undefined) return [endpoint, name];
    name = endpoint.parent.endpoint;
  }
  return [undefined, id];
}
