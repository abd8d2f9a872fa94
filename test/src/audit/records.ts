import { compileShape, type ShapeEvents } from '@tributary/producer';
import {
  compileEntity,
  type EndpointConfig,
  type Payload,
  type PipelineConfig,
  PoisonError,
  type SourceKind,
} from '@tributary/shared';
import type { Side } from './join.js';
import type { Expectations } from './judge.js';
import type { Truth } from './truth.js';

/** The final state of a record, as the API has it. */
export interface FinalRecord {
  readonly content: string;
  readonly version: string;
  /** Kept only for the sides of the merge. */
  readonly payload: Payload | undefined;
}

export interface ReadOptions {
  readonly keepPayloads: boolean;
  /** Whether what the API changed at this time is still on its way, so that nobody can be blamed for not having it. */
  readonly isUnderWay: (changedAt: number, pending: boolean) => boolean;
}

/** For who shapes records and wants to hear nothing of them. */
export const UNTOLD: ShapeEvents = { unknownField() {}, cut() {}, notInHierarchy() {}, failed() {}, tell() {} };

/** Whether a record that is removed has to leave its dataset: whether the endpoint looks for what is missing, or its source tells it. */
const TELLS_REMOVED = {
  rest: looksForMissing,
  sql: looksForMissing,
  files: looksForMissing,
  // Nothing else can tell it of a record that only events bring.
  webhook: ({ deletes }) => deletes?.when !== undefined,
  'postgres-changes': () => true,
  program: looksForMissing,
} satisfies Record<SourceKind, (endpoint: Pick<EndpointConfig, 'deletes'>) => boolean>;

function looksForMissing({ deletes }: Pick<EndpointConfig, 'deletes'>): boolean {
  return deletes?.missing === true;
}

/** The truth about one entity. */
export class FinalRecords implements Side, Expectations {
  readonly #records = new Map<string, FinalRecord>();
  readonly #leftOut = new Set<string>();

  static async read(config: PipelineConfig, entity: string, truth: Truth, options: ReadOptions): Promise<FinalRecords> {
    const entityConfig = config.entities[entity];
    if (entityConfig === undefined) throw new Error(`no entity "${entity}" in the pipeline`);
    const compiled = compileEntity(entity, entityConfig);
    const endpoint = Object.values(config.endpoints).find((one) => one.entity === entity);
    const shape = compileShape(entityConfig, { map: {}, where: undefined, deletes: undefined, ...endpoint }, UNTOLD);
    const final = new FinalRecords();
    const tellsRemoved = endpoint !== undefined && TELLS_REMOVED[endpoint.source](endpoint);
    const tellsLeftOut = endpoint?.deletes?.missing === true;
    for await (const { record: raw, changedAt, pending, deleted: isRemoved = false } of truth.records(entity)) {
      const { record, isFiltered } = shape.of(raw);
      const key = compiled.keyOf(record);
      if (isFiltered || isRemoved) {
        // What landed before stays, unless the source tells that it is gone.
        const isOpen = !(isRemoved ? tellsRemoved : tellsLeftOut) || options.isUnderWay(changedAt, pending);
        if (isOpen && key !== undefined) final.#leftOut.add(key);
        continue;
      }
      try {
        const { key, version, hash, payload } = compiled.decode(record);
        if ((final.#records.get(key)?.version ?? '') > version) continue;
        if (options.isUnderWay(changedAt, pending)) final.#leftOut.add(key);
        // A tombstone: there should be no row.
        if (payload === null) continue;
        final.#records.set(key, { content: hash, version, payload: options.keepPayloads ? payload : undefined });
      } catch (error) {
        if (!(error instanceof PoisonError)) throw error;
        // It lies among the dead letters. Which earlier state of it the sink should have, the API does not tell.
        if (key !== undefined) final.#leftOut.add(key);
      }
    }
    return final;
  }

  record(key: string): FinalRecord | undefined {
    return this.#records.get(key);
  }

  keys(): Iterable<string> {
    return this.#records.keys();
  }

  content(key: string): string | undefined {
    return this.#records.get(key)?.content;
  }

  get(key: string): Payload | undefined {
    return this.#records.get(key)?.payload;
  }

  *entries(): Generator<readonly [string, Payload]> {
    for (const [key, { payload }] of this.#records) if (payload !== undefined) yield [key, payload];
  }

  /** Whether the state of this key is not to be judged. */
  isLeftOut(key: string): boolean {
    return this.#leftOut.has(key);
  }

  /** It is no part of the truth any more: there should be no row of it. */
  forget(key: string): void {
    this.#records.delete(key);
  }

  leaveOut(key: string): void {
    this.#leftOut.add(key);
  }

  get leftOut(): number {
    return this.#leftOut.size;
  }
}

/** The newest state of each record that the sink holds. It shares the payloads that are the truth's. */
export class LandedRecords implements Side {
  readonly #newest = new Map<string, { readonly order: string; readonly payload: Payload | undefined }>();
  readonly #final: FinalRecords;

  constructor(final: FinalRecords) {
    this.#final = final;
  }

  note(key: string, order: string, content: string, payload: Payload | undefined): void {
    const known = this.#newest.get(key);
    if (known !== undefined && known.order > order) return;
    const final = this.#final.record(key);
    this.#newest.set(key, { order, payload: final?.content === content ? final.payload : payload });
  }

  get(key: string): Payload | undefined {
    return this.#newest.get(key)?.payload;
  }

  *entries(): Generator<readonly [string, Payload]> {
    for (const [key, { payload }] of this.#newest) if (payload !== undefined) yield [key, payload];
  }
}
