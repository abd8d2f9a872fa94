import { compilePath, isMapping, RetryableError, stringifyJson } from '@tributary/shared';
import { compileCondition, isSomething } from '../condition.js';
import type { RecordSettings } from './format.js';

/** Finds the error that a body tells of, whatever the status of its answer says. */
interface ErrorFinder {
  /** One that counts whatever else the body holds: the settings name it. */
  always(body: unknown): RetryableError | undefined;
  /** One that counts if the body holds no records: the settings name none, and APIs often say it so. */
  usual(body: unknown): RetryableError | undefined;
}

const none = () => undefined;

export function errorFinder({ errorWhen, graphql }: RecordSettings): ErrorFinder {
  const chosen = errorWhen ?? (graphql === undefined ? undefined : '$.errors');
  if (chosen === false) return { always: none, usual: none };
  if (chosen === undefined) return { always: none, usual: usualError };
  const holds = compileCondition(chosen);
  const read = chosen.startsWith('$') ? compilePath(chosen).read : (body: unknown) => body;
  return { always: (body) => (holds(body) ? errorTold(chosen, read(body)) : undefined), usual: none };
}

const ERRORS = ['error', 'errors', 'Error', 'Errors', 'fault', 'Fault'];
const FLAGS = ['ok', 'success'];
/** JSend. Other words may be what was asked for: a list of jobs that failed says so too. */
const FAILED = /^(error|fail)$/i;

function usualError(body: unknown): RetryableError | undefined {
  if (!isMapping(body)) return undefined;
  const own = (name: string) => (Object.hasOwn(body, name) ? body[name] : undefined);
  const error = ERRORS.find((name) => isError(own(name)));
  if (error !== undefined) return errorTold(`$.${error}`, own(error));
  const flag = FLAGS.find((name) => own(name) === false);
  if (flag !== undefined) return errorTold(`$.${flag}`, false);
  const status = own('status');
  return typeof status === 'string' && FAILED.test(status) ? errorTold('$.status', status) : undefined;
}

/** `{"code": 0, "message": ""}` says that there is none. */
const isError = (value: unknown): boolean =>
  isSomething(value) && !(isMapping(value) && !Object.values(value).some(isSomething));

function errorTold(path: string, value: unknown): RetryableError {
  const said = typeof value === 'string' ? value : (stringifyJson(value) ?? '');
  return new RetryableError('error_in_body', `its body tells of an error at ${path}: ${said.slice(0, 200)}`);
}
