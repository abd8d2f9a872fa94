import { redisPrefix } from './redis.js';

/**
 * Names the backup that is being put back into a pipeline, from the first step to the last. Meanwhile no service begins: it would poll, or
 * rebuild the ledger, with half of it.
 */
export const restoringKey = (pipeline: string): string => `${redisPrefix(pipeline)}restoring`;

export const RESTORING_WORDS =
  'a restore of this pipeline has begun and not ended: run npx tributary restore once more, with the same folder; services begin by themselves when it has ended';
