import { createHash } from 'node:crypto';
import {
  compileEntity,
  type EndpointConfig,
  type EndpointOf,
  type Entity,
  type IncrementalConfig,
  isPolled,
  keyFieldsOf,
  type PipelineConfig,
  protectsAny,
  type SourceKind,
} from '@tributary/shared';
import { fingerprintOf, NO_KEYS, type ProtectionKeys } from './shape/protect/keys.js';
import { type CutAnswers, factsOf } from './sources/facts.js';

/** An endpoint to poll, with the entity of its records. */
export interface Endpoint<Config extends EndpointConfig = EndpointConfig> {
  readonly id: string;
  readonly config: Config;
  readonly entity: Entity;
  /**
   * Changes when the requests or the meaning of the records change. A cursor that was saved under another fingerprint is not
   * used: a 304 or a high-water mark would hide every record that the new settings should bring, also those of children.
   */
  readonly fingerprint: string;
  /** What its keys are: those of another kind cannot be compared with them. */
  readonly keyKind: string;
  /** Other endpoints that bring the same entity and note their keys: a key that one of them has is not missing. */
  readonly sharesEntityWith: readonly string[];
  /** The endpoints that are polled for each record of this one, within its runs. */
  readonly children: readonly Endpoint[];
  /** The endpoints that are read beside this one by its runs, from the same stream. */
  readonly members: readonly Endpoint[];
  /** The name of the pipeline: what is made at the other side is named by it. */
  readonly pipeline: string;
  /** How its answers may be cut without a word; undefined if they never are. */
  readonly cut: CutAnswers | undefined;
  /** The longest wait that its server may ask for, in milliseconds. */
  readonly maxRetryAfter: number;
  /** Whether its source is ever asked; otherwise it only takes events. */
  readonly isPolled: boolean;
  /** What the protections of its entity need. */
  readonly protectionKeys: ProtectionKeys;
  /** The URL of the endpoint that this one is polled for, if it is a child. */
  readonly parentUrl: string | undefined;
}

/** An endpoint whose source is of one kind. */
export type EndpointFrom<K extends SourceKind> = Endpoint<EndpointOf<K>>;

/**
 * The endpoints of a pipeline that are enabled and polled by themselves, with their children.
 * @param keys what protections need; without those that are needed, the shapes of such endpoints cannot be made
 */
export function compileEndpoints(config: PipelineConfig, keys: ProtectionKeys = NO_KEYS): Endpoint[] {
  return grouped(compileChildren({ config, keys }, undefined));
}

/** What endpoints are made of. */
interface Making {
  readonly config: PipelineConfig;
  readonly keys: ProtectionKeys;
}

/** Endpoints of one group become members of the first of them. */
function grouped(endpoints: readonly Endpoint[]): Endpoint[] {
  const groups = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    const name = factsOf(endpoint.config).group ?? endpoint.id;
    groups.set(name, [...(groups.get(name) ?? []), endpoint]);
  }
  return [...groups.values()].flatMap(([first, ...members]) => (first === undefined ? [] : [{ ...first, members }]));
}

function compileChildren(making: Making, parent: string | undefined): Endpoint[] {
  return Object.entries(making.config.endpoints)
    .filter(([, endpoint]) => endpoint.enabled && endpoint.parent?.endpoint === parent)
    .map(([id, endpoint]) => compileEndpoint(making, id, endpoint));
}

function compileEndpoint(making: Making, id: string, endpoint: EndpointConfig): Endpoint {
  const { config, keys } = making;
  const entity = config.entities[endpoint.entity];
  if (entity === undefined) throw new Error(`endpoint ${id} passed the config check without its entity`);
  const children = compileChildren(making, id);
  const { deletes } = endpoint;
  const incremental: IncrementalConfig | undefined = endpoint.incremental;
  const facts = factsOf(endpoint);
  const asked = [
    ...facts.asked,
    incremental?.parameter,
    // With another beginning or other slices, the past that was read is another one.
    incremental?.initial,
    incremental?.window,
    incremental?.format,
    incremental?.zone,
    incremental?.untilParameter,
    endpoint.entity,
    entity,
    endpoint.map,
    endpoint.where,
    // What was read before may have to be deleted, or to be known so that it can be missed.
    ...(deletes === undefined ? [] : [[deletes.when, deletes.missing]]),
    // With another key or hierarchy, all that is protected is another text.
    ...(protectsAny(entity.fields) ? [fingerprintOf(keys, entity.fields)] : []),
    children.map(({ fingerprint }) => fingerprint),
  ];
  return {
    id,
    config: endpoint,
    entity: compileEntity(endpoint.entity, entity),
    fingerprint: hashOf(asked),
    keyKind: hashOf([endpoint.entity, keyFieldsOf(entity).map((field) => [field, entity.fields[field]?.type])]).slice(
      0,
      16,
    ),
    sharesEntityWith: Object.entries(config.endpoints)
      .filter(([other, { entity: its, enabled, deletes: too }]) => {
        return other !== id && its === endpoint.entity && enabled && too?.missing === true;
      })
      .map(([other]) => other),
    children,
    members: [],
    pipeline: config.name,
    protectionKeys: keys,
    cut: facts.cut,
    maxRetryAfter: facts.maxRetryAfter,
    isPolled: isPolled(endpoint),
    parentUrl: parentUrlOf(config, endpoint),
  };
}

const hashOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

/** Of the nearest ancestor that names its server itself. */
function parentUrlOf(config: PipelineConfig, { parent }: EndpointConfig): string | undefined {
  const above = parent === undefined ? undefined : config.endpoints[parent.endpoint];
  return above === undefined ? undefined : (factsOf(above).server ?? parentUrlOf(config, above));
}
