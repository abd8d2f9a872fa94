import { compilePath } from '../../records/path.js';
import type { Fault } from '../fault.js';
import { placeholdersIn } from '../placeholders.js';
import type { EndpointOf } from '../schema.js';
import { checkS3 } from './s3.js';

/** What files cannot be asked for. */
export function* checkFiles(path: string, endpoint: EndpointOf<'files'>): Generator<Fault> {
  const { append, deletes, newest, marker, after, archive, s3, format } = endpoint;
  if (endpoint.parent !== undefined || Object.keys(endpoint.for).length > 0) {
    const setting = endpoint.parent === undefined ? 'for' : 'parent';
    const message = 'files are not read for the records of a parent, or for each value of a list: leave it out';
    yield { path: `${path}.${setting}`, message };
  }
  if (/^[a-z0-9]+:\/\//i.test(endpoint.path) && !/^s3:\/\/[^/*]+\/./.test(endpoint.path)) {
    yield { path: `${path}.path`, message: 'expected a path of this machine, or s3://bucket/prefix/*.csv' };
  }
  for (const [setting, value] of [
    ['path', endpoint.path],
    ['archive', archive],
    ['after.move', after?.move],
  ] as const) {
    const strange = [...placeholdersIn([value])].find((name) => name !== 'date' || setting !== 'archive');
    if (strange === undefined) continue;
    yield {
      path: `${path}.${setting}`,
      message: `{{${strange}}} is filled by nothing here: only archive has {{date}}`,
    };
  }
  if (append && deletes?.missing === true) {
    yield {
      path: `${path}.append`,
      message: 'with deletes.missing a file is a full state, and does not grow: leave one out',
    };
  }
  if (append && marker !== undefined) {
    yield {
      path: `${path}.marker`,
      message: 'a marker says that a file is whole, and append that it grows: leave one out',
    };
  }
  if (append && (after !== undefined || newest)) {
    const setting = after === undefined ? 'newest' : 'after';
    yield { path: `${path}.${setting}`, message: 'a file that grows stays where it is: leave it out, or append' };
  }
  if (append && (format.type === 'json' || format.type === 'parquet')) {
    yield {
      path: `${path}.append`,
      message: `a file of ${format.type} is whole or nothing, and cannot grow: leave append out`,
    };
  }
  if (after !== undefined && deletes?.missing === true) {
    yield {
      path: `${path}.after`,
      message: 'what is moved away would count as missing: leave it out, or deletes.missing',
    };
  }
  yield* checkS3(path, s3, [
    { setting: 'path', url: endpoint.path, writes: false },
    { setting: 'archive', url: archive, writes: true },
    { setting: 'after.move', url: after?.move, writes: true },
  ]);
  if (compilePath(endpoint.items).steps.some((step) => typeof step !== 'string')) {
    yield { path: `${path}.items`, message: 'expected names only, such as $.data.items: the file is read as a stream' };
  }
}
