import type { z } from 'zod';
import { isMapping, ownValue } from '../records/own-value.js';
import { describeRenamed } from './renamed.js';
import { wanted } from './wanted.js';

/** One thing that the schema refuses, at the very place where it lies. */
export interface Issue {
  readonly path: readonly PropertyKey[];
  readonly code?: string | undefined;
  readonly message: string;
  /** The settings that are unknown at this place. */
  readonly keys?: readonly string[];
  /** Of a value that may have several shapes: what each of them refuses. */
  readonly errors?: readonly (readonly Issue[])[];
  /** Of a name that may not be one: why. */
  readonly issues?: readonly Issue[];
  /** What lies there, if the schema was asked to say it. */
  readonly input?: unknown;
}

const RENAMED = 'renamed';

/** How the schema is asked, so that its issues speak to people. */
export const ASKED = { reportInput: true, error: wanted } as const;

/**
 * The issues of a refused file. Where a value may have several shapes, and everything but something within it is right for
 * one of them, the fault is in there: `{ every: 30 }` is a schedule whose `every` lacks its unit.
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

/** A setting that was renamed is a fault of its own among those that are unknown. */
function splitRenamed(issue: Issue): Issue[] {
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

/** @param value what stands there */
export function describeIssue(issue: Issue, value: unknown): string {
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys ?? [];
    return `unknown setting${keys.length === 1 ? '' : 's'} ${keys.join(', ')}`;
  }
  if (issue.code === RENAMED) return issue.message;
  if (issue.code === 'invalid_key') return nameFault(issue);
  if (value === undefined) return issue.code === 'invalid_union' ? `missing: ${issue.message}` : 'missing';
  return `${shorten(JSON.stringify(value))} is not valid: ${whatIsWanted(issue)}`;
}

/** A union that does not say itself what it wants lets its alternatives say it: those that tell more than a type, if any. */
function whatIsWanted({ message, errors = [] }: Issue): string {
  if (!message.startsWith('Invalid input')) return message;
  const alternatives = errors.flat().filter((one) => !one.message.startsWith('Invalid input'));
  const telling = alternatives.filter(({ code }) => code !== 'invalid_type');
  const wants = new Set((telling.length > 0 ? telling : alternatives).map((one) => one.message));
  return [...wants].join(' or ') || 'nothing like it is expected here';
}

/** A name that may not be one, such as that of an entity. */
function nameFault(issue: Issue): string {
  const [inner] = issue.issues ?? [];
  return `the name "${String(issue.path.at(-1))}" is not valid: ${inner?.message ?? issue.message}`;
}

const shorten = (text: string): string => (text.length > 120 ? `${text.slice(0, 117)}...` : text);
