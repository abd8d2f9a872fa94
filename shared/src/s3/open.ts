import type { BoundedClient, BoundedOptions } from './bounded-client.js';

/** A client of S3. Its library is loaded with the first: most pipelines have no S3. */
export async function openS3Client(options: BoundedOptions): Promise<BoundedClient> {
  const { BoundedClient } = await import('./bounded-client.js');
  return new BoundedClient(options);
}

/** A bucket and what is below it. */
export interface Bucket {
  readonly name: string;
  /** Without a `/` at its beginning. */
  readonly path: string;
}

/** @param url `s3://bucket/path` */
export function bucketIn(url: string): Bucket {
  const [, name = '', path = ''] = /^s3:\/\/([^/]+)\/?(.*)$/s.exec(url) ?? [];
  return { name, path };
}

export const isS3 = (path: string): boolean => path.startsWith('s3://');
