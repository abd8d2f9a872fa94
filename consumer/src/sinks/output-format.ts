import { FatalError } from '@tributary/shared';

/**
 * The number of the form in which sinks keep rows, and what they know of them. It grows with a change that a version before would misread: then the
 * first consumer of the new version raises it, and those of older ones write nothing more. `FORMAT` in recovery/forms.ts has to change with it: the
 * new epoch ends the sessions of older consumers, which find the number when they begin again.
 */
export const OUTPUT_FORMAT = 1;

/**
 * @param found what the output says of itself; nothing in outputs of versions before there was a number
 * @param place the output, in words
 * @throws FatalError if a later version has written it
 */
export function checkFormat(found: string | number | null | undefined, place: string): void {
  const number = Number(found ?? OUTPUT_FORMAT);
  if (number <= OUTPUT_FORMAT) return;
  throw new FatalError(
    'output_format',
    `${place} was written by a later version of Tributary (format ${String(found)}, and this version knows up to ${OUTPUT_FORMAT}): update this consumer; it writes nothing until then`,
  );
}
