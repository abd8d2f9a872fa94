import { FatalError, parsePipeline } from '@tributary/shared';
import type { EndpointDraft, EntityDraft } from './draft.js';
import { refuseForeignIn, refuseUnwanted } from './placeholders.js';
import { pipelineText } from './write/document.js';

/**
 * Why a table, a kind of files or a collection cannot stand in a pipeline file: one with a name that looks like a setting must not cost all
 * others.
 * @param secrets what its variables stand for; it may have no others
 */
export function unfitness(
  { entity, endpoint }: { readonly entity: EntityDraft; readonly endpoint: EndpointDraft },
  secrets: Readonly<Record<string, string>>,
): string | undefined {
  try {
    refuseForeignIn([entity]);
    refuseUnwanted(endpoint.settings, new Set(Object.keys(secrets)));
    // A child stands by its parent alone.
    if (endpoint.settings.parent !== undefined) return undefined;
    const alone = { title: '', entities: [entity], endpoints: [endpoint], notes: [], secrets };
    parsePipeline(pipelineText(alone, undefined, '').text, secrets, 'the file');
    return undefined;
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    return `its names fit into no pipeline file: ${error.message.replaceAll(/\s+/g, ' ').slice(0, 500)}`;
  }
}
