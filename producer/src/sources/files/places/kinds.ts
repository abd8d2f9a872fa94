import { type EndpointOf, isS3 } from '@tributary/shared';
import { LocalPlace } from './local.js';
import type { FilePlace } from './place.js';
import type { S3 } from './s3-client.js';
import { S3Place } from './s3-place.js';

/** Where the files of an endpoint lie. @param s3 the server, if they are there */
export function placeOf({ path, after, followLinks }: EndpointOf<'files'>, s3: () => S3): FilePlace {
  return isS3(path)
    ? new S3Place(s3(), path, after?.move)
    : new LocalPlace(path, { moveTo: after?.move, followsLinksOut: followLinks });
}
