import { z } from 'zod';
import { bytes, duration, pathSchema, someText } from '../values.js';
import { FILE_FORMATS } from './file-formats.js';
import { choiceOf, expectedName, nameSchema } from './table.js';

const formats = choiceOf(FILE_FORMATS);

const format = z.union([nameSchema(FILE_FORMATS).transform((type) => formats.parse({ type })), formats], {
  error: `${expectedName(FILE_FORMATS)}, or a mapping with that as its type`,
});

const encoding = z
  .string()
  .refine(
    (label) => label === 'auto' || isEncoding(label),
    'expected auto, or an encoding such as utf-8 or windows-1252',
  );

function isEncoding(label: string): boolean {
  try {
    return new TextDecoder(label).encoding !== '';
  } catch {
    return false;
  }
}

/** How S3 is asked: of an endpoint that reads there, and of an export that writes there. */
export const s3 = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
    .optional()
    .describe('The server, if it is not AWS: `https://s3.example.org`; of AWS the one of `region` unless given'),
  region: someText.default('us-east-1').describe('The region that requests are signed for'),
  accessKey: someText.optional().describe('Best from the environment; without it requests are not signed'),
  secretKey: someText.optional().describe('The secret of `accessKey`, best from the environment'),
  sessionToken: someText.optional().describe('For credentials that end'),
});

const FOLDER = 'expected a folder, or s3://bucket/prefix/';

/** A folder on this machine or a prefix of a bucket; `{{date}}` is the day in UTC. */
const folder = z.string().min(1, FOLDER);

/** The settings of an endpoint that reads files. */
export const filesSettings = {
  path: someText.describe(
    'The files: a path with `*` (any text within a name), `**` (any folders), `?` and `{a,b}`, or `s3://bucket/prefix/*.csv`. Hidden ' +
      'files, and those whose names end in .tmp, .part, .partial, .filepart, .crdownload or ~, are never read',
  ),
  format: format
    .prefault({ type: 'auto' })
    .describe('What the files hold. Compression (gzip, zstd) is found by itself'),
  encoding: encoding
    .default('auto')
    .describe('How text is encoded; `auto` takes a byte order mark, and UTF-8 where there is none'),
  items: pathSchema.default('$').describe('For JSON: where the list of records lies, such as $.data.items; names only'),
  append: z
    .boolean()
    .default(false)
    .describe(
      'Files grow: each poll reads on from the byte where the one before stopped, whole lines only. Otherwise a file that changed is read anew',
    ),
  newest: z
    .boolean()
    .default(false)
    .describe('Only the newest file counts, by its time and then its name: for files that each hold everything'),
  settle: duration.prefault('5s').describe('A file is not touched before it has stayed as it is for so long'),
  marker: z
    .string()
    .regex(/^\.[^/*?]+$/, 'expected an ending such as .done')
    .optional()
    .describe(
      'Instead of `settle`: a file is read once one of its name with this ending lies beside it, such as .done',
    ),
  followLinks: z
    .boolean()
    .default(false)
    .describe(
      'Links to files elsewhere on this machine are read too. Otherwise only those that lead to a file of the same folder: who may write into it could have any file read',
    ),
  archive: folder
    .optional()
    .describe(
      'Where each file is copied before it is read, unchanged and with its hash: a folder, or `s3://raw/{{date}}/`',
    ),
  after: z
    .strictObject({
      move: folder.describe(
        'Where files go that were read to the end; a full poll (`reset`, `resync`) reads them there',
      ),
    })
    .optional()
    .describe('What becomes of files that were read to the end; unless given, they stay'),
  s3: s3.prefault({}).describe('How S3 is asked'),
  chunk: z.int().min(1).max(100_000).default(5_000).describe('Records that are read at a time'),
  maxRecordSize: bytes
    .prefault('1MB')
    .describe('The longest record; a longer one, or one whose quotes do not close within that, becomes a dead letter'),
  retries: z.int().min(0).max(10).default(3).describe('How often a request to S3 is sent again within one poll'),
  retryDelay: duration
    .prefault('2s')
    .describe('The longest wait before the first retry; it doubles with each (the wait itself is random)'),
  timeout: duration.prefault('1m').describe('How long S3 may take for one request'),
};
