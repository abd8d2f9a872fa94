import { z } from 'zod';
import { isMapping } from '../records/own-value.js';
import { alternativesOf, constantsOf, type Definition, definitionOf, nearestForm } from './schema-forms.js';
import { Written } from './written-value.js';

/** What stands where no schema says anything. */
const ANYTHING: z.core.$ZodType = z.unknown();

/**
 * Decides what each {@link Written} of a file is, by what the schema expects in its place: text stays text, and becomes a number
 * or a truth value only where one is expected.
 *
 * @param onFreeText is told of each that stands where any text may stand, as secrets do
 */
export function settle(value: unknown, schema: z.core.$ZodType, onFreeText: (written: Written) => void): unknown {
  if (value instanceof Written) return settleSingle(value, schema, onFreeText);
  if (Array.isArray(value)) {
    const items = itemsOf(alternativesOf(schema).map(definitionOf));
    return value.map((item, index) => settle(item, items(index), onFreeText));
  }
  if (!isMapping(value)) return value;
  const settings = settingsOf(value, alternativesOf(schema).map(definitionOf));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, settle(item, settings(name), onFreeText)]),
  );
}

function settleSingle(written: Written, schema: z.core.$ZodType, onFreeText: (written: Written) => void): unknown {
  const forms = alternativesOf(schema).map(definitionOf);
  if (forms.some(isFree)) onFreeText(written);
  if (forms.some(({ type }) => type === 'unknown' || type === 'any')) return written.meant;
  const texts = forms.some(({ type }) => type === 'string' || type === 'enum' || type === 'template_literal');
  const candidates: unknown[] = forms.flatMap((form) =>
    constantsOf(form).filter((one) => String(one) === written.text),
  );
  if (texts) candidates.push(written.text);
  if (forms.some(({ type }) => type === 'number')) candidates.push(written.number);
  if (forms.some(({ type }) => type === 'boolean')) candidates.push(written.truth);
  const known = candidates.filter((one) => one !== undefined);
  // Where several forms are possible, as for a size (64MB, or a number of bytes), the first that the schema takes.
  return known.find((one) => known.length === 1 || z.safeParse(schema, one).success) ?? known[0] ?? asShown(written);
}

/** What is refused is shown as YAML has it. */
const asShown = ({ meant, text }: Written): unknown => (typeof meant === 'object' ? text : meant);

/** Whether a form takes any text: a choice, a duration or a name shows what it is, a token does not. */
function isFree(form: Definition): boolean {
  if (form.type === 'unknown' || form.type === 'any') return true;
  if (form.type !== 'string') return false;
  return !(form.checks ?? []).some(({ _zod: { def } }) => 'format' in def && def.format === 'regex');
}

function itemsOf(forms: readonly Definition[]): (index: number) => z.core.$ZodType {
  const list = forms.find(({ type }) => type === 'array' || type === 'tuple');
  if (list?.type === 'array') return () => list.element;
  if (list?.type === 'tuple') return (index) => list.items[index] ?? list.rest ?? ANYTHING;
  return () => ANYTHING;
}

/** The schema of each setting of a mapping. */
function settingsOf(mapping: object, forms: readonly Definition[]): (name: string) => z.core.$ZodType {
  const form = nearestForm(mapping, forms);
  if (form?.type === 'record') return () => form.valueType;
  if (form?.type !== 'object') return () => ANYTHING;
  return (name) => (Object.hasOwn(form.shape, name) ? form.shape[name] : form.catchall) ?? ANYTHING;
}
