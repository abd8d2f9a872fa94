import { createHash } from 'node:crypto';
import { compileEntity, type EndpointConfig, type Entity, type PipelineConfig } from '@tributary/shared';

/** An endpoint to poll, with the entity of its records. */
export interface Endpoint {
  readonly id: string;
  readonly config: EndpointConfig;
  readonly entity: Entity;
  /**
   * Changes when the requests or the meaning of the records change. A cursor that was saved under another fingerprint is not
   * used: a 304 or a high-water mark would hide every record that the new settings should bring.
   */
  readonly fingerprint: string;
}

/** The endpoints of a pipeline that are enabled. */
export function compileEndpoints(config: PipelineConfig): Endpoint[] {
  return Object.entries(config.endpoints)
    .filter(([, endpoint]) => endpoint.enabled)
    .map(([id, endpoint]) => {
      const entity = config.entities[endpoint.entity];
      if (entity === undefined) throw new Error(`endpoint ${id} passed the config check without its entity`);
      const { url, items, as, header, format, paging, method, query, headers, body, form, graphql, auth, incremental } =
        endpoint;
      // Headers and credentials too: another tenant, or another account's token, sees other records. A token that is merely replaced
      // costs one full poll, whose repeats the consumer drops.
      const request = [url, method, query, headers, body, form, graphql, auth, endpoint.for];
      const asked = [request, items, as, header, format, paging, incremental?.parameter, endpoint.entity, entity];
      return {
        id,
        config: endpoint,
        entity: compileEntity(endpoint.entity, entity),
        fingerprint: createHash('sha256').update(JSON.stringify(asked)).digest('hex'),
      };
    });
}
