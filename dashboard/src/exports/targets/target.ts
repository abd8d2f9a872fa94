import { type Clock, type ExportConfig, isS3 } from '@tributary/shared';
import { LocalTarget } from './local.js';
import type { ExportTarget } from './port.js';
import { S3Target } from './s3.js';

export interface Whose {
  readonly pipeline: string;
  /** The export's. */
  readonly name: string;
  readonly clock: Clock;
}

/** Where the runs of an export go. */
export const targetOf = (settings: ExportConfig, whose: Whose): ExportTarget =>
  isS3(settings.to) ? new S3Target(settings, whose) : new LocalTarget(settings.to, whose);
