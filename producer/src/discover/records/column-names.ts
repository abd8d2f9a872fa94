import type { PathStep } from '@tributary/shared';
import { type Column, NUMBERED } from './column.js';

/** What only holds the record's own values. */
const WRAPPER = /^(sys|fields|properties|attributes|_source|node|data|values|record|resource|item|custom_attributes)$/;

/** Short names that are unique: of wrappers, and of what all columns lie in, nothing stays. */
export function named(columns: readonly Column[]): Column[] {
  const names = new Set<string>();
  const isCamel =
    columns.some(({ steps }) => /^[a-z]+[A-Z]/.test(String(steps.at(-1)))) &&
    !columns.some(({ steps }) => /[a-z]_[a-z]/.test(String(steps.at(-1))));
  const taken = new Set(columns.filter(({ steps }) => steps.length === 1).map(({ steps }) => joined(steps, isCamel)));
  return columns.map((column) => {
    const steps = column.label.filter((step) => typeof step === 'string');
    const inside = steps
      .filter((step, index) => index === steps.length - 1 || !WRAPPER.test(step))
      .filter((step, _index, all) => step !== '#text' || all.length === 1);
    const short = joined(withoutRepeats(inside), isCamel);
    const long = taken.has(short) ? joined(steps, isCamel) : short;
    let name = column.steps.length > 1 ? long : short;
    for (let number = 2; names.has(name.toLowerCase()); number++) name = `${short}_${number}`;
    names.add(name.toLowerCase());
    return { ...column, name };
  });
}

/** `status.statusCategory.id` is the id of the status category: what a name begins with needs not be said before it. */
const withoutRepeats = (steps: readonly string[]): readonly string[] =>
  steps.filter((step, index) => {
    const next = steps[index + 1];
    const rest = next?.toLowerCase().startsWith(step.toLowerCase()) === true ? next.slice(step.length) : '';
    return !/^[A-Z_-]/.test(rest);
  });

function joined(steps: readonly PathStep[], isCamel: boolean): string {
  const words = steps
    .map((step) =>
      String(step)
        .replace(NUMBERED, '')
        .replaceAll(/[^\p{L}\p{N}]+/gu, '_')
        .replaceAll(/^_+|_+$/g, ''),
    )
    .filter((word) => word !== '');
  const name = isCamel
    ? words.map((word, index) => (index === 0 ? word : word.slice(0, 1).toUpperCase() + word.slice(1))).join('')
    : words.join('_');
  return name === '' ? 'value' : name;
}
