import type { Fault } from '../fault.js';
import type { ExportConfig } from '../schema.js';

/** One setting that may lie in S3, and whether something is written there. */
export interface Place {
  readonly setting: string;
  readonly url: string | undefined;
  readonly writes: boolean;
}

/** What cannot be had of S3, of an endpoint that reads there or of an export that writes there. */
export function* checkS3(path: string, s3: ExportConfig['s3'], places: readonly Place[]): Generator<Fault> {
  const inS3 = places.filter(({ url }) => url !== undefined && /^s3:\/\//i.test(url));
  for (const { setting, url = '' } of inS3) {
    // The address is shown, in the log and on the page.
    if (/^s3:\/\/[^/]*[@:]/i.test(url))
      yield {
        path: `${path}.${setting}`,
        message: 'expected s3://bucket/prefix: credentials go into s3.accessKey and s3.secretKey',
      };
  }
  const { accessKey, secretKey } = s3;
  if ((accessKey === undefined) !== (secretKey === undefined))
    yield {
      path: `${path}.s3`,
      message: 'accessKey and secretKey belong together: expected both or neither',
      about: accessKey === undefined ? 'accessKey' : 'secretKey',
    };
  const written = inS3.find(({ writes }) => writes);
  if (written !== undefined && accessKey === undefined && secretKey === undefined)
    yield {
      path: `${path}.s3`,
      message: `${written.setting} is written to S3, which takes nothing from who shows no credentials: expected accessKey and secretKey, such as "\${S3_ACCESS_KEY}"`,
      about: 'accessKey',
    };
}
