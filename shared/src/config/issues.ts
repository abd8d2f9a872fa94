import type { z } from 'zod';
import { isMapping, ownValue } from '../records/own-value.js';
import { wanted } from './expectation.js';
import { describeFormer, describeRenamed } from './renamed.js';

/** One thing that the schema refuses, with the path of the setting that is wrong. */
export interface Issue {
  readonly path: readonly PropertyKey[];
  readonly code?: string | undefined;
  readonly message: string;
  /** The unknown settings of the mapping at this path. */
  readonly keys?: readonly string[];
  /** The words of which one is expected at this path. */
  readonly values?: readonly unknown[];
  readonly options?: readonly unknown[];
  /** For a value that can have one of several forms: what each form refuses. */
  readonly errors?: readonly (readonly Issue[])[];
  /** For a name that is not valid: why. */
  readonly issues?: readonly Issue[];
  /** The value at this path, if the schema was asked to report it. */
  readonly input?: unknown;
}

export const RENAMED = 'renamed';

/** Options for parsing with the schema, so that its issues are in words for people. */
export const PARSE_OPTIONS = { reportInput: true, error: wanted } as const;

/**
 * The issues of a refused file. Where a value can have one of several forms, and only something within it keeps it from
 * being one of them, that is the issue: `{ every: 30 }` is a schedule whose `every` has no unit.
 */
export function issuesOf(error: z.ZodError): Issue[] {
  return error.issues.flatMap(narrow).flatMap(splitRenamed);
}

function narrow(issue: Issue): Issue[] {
  const near = (issue.errors ?? []).filter((one) => one.length > 0 && one.every(({ path }) => path.length > 0));
  const [nearest] = near;
  if (nearest === undefined || near.length > 1) return [issue];
  return nearest.flatMap((inner) => narrow({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** Splits an issue about unknown settings: those that were renamed are issues of their own. */
function splitRenamed(issue: Issue): Issue[] {
  const former = describeFormer(issue.path.map(String).join('.'), issue.input);
  if (former !== undefined) return [{ path: issue.path, code: RENAMED, message: former }];
  const renamed: Issue[] = [];
  const unknown: string[] = [];
  for (const key of issue.keys ?? []) {
    const path = [...issue.path, key];
    const value = isMapping(issue.input) ? ownValue(issue.input, key) : undefined;
    const message = describeRenamed(path.map(String).join('.'), value);
    if (message === undefined) unknown.push(key);
    else renamed.push({ path, code: RENAMED, message });
  }
  if (renamed.length === 0) return [issue];
  return unknown.length === 0 ? renamed : [{ ...issue, keys: unknown }, ...renamed];
}

/** The value that lies at a path, if any does. */
export function valueAtPath(root: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = root;
  for (const step of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[step];
  return value;
}
