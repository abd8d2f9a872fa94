import { LineCounter, parseDocument, type Scalar, visit } from 'yaml';
import { describeError } from '../errors.js';
import { ConfigError, type Fault } from './fault.js';
import { meaningOf, Written } from './written-value.js';

/**
 * What a YAML text says, with a {@link Written} wherever YAML alone would decide what a text without quotes is, and would lose
 * how it is written. Names are text too, as they are written.
 *
 * @throws ConfigError with the line of each fault
 */
export function readYaml(text: string, file: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new ConfigError(
      file,
      document.errors.map((error) => ({ path: `line ${lines.linePos(error.pos[0]).line}`, message: error.message })),
    );
  }
  const faults: Fault[] = [];
  visit(document, {
    Scalar(key, scalar) {
      scalar.value = key === 'key' ? nameOf(scalar) : contentOf(scalar);
      if (key !== 'key' || scalar.value !== NOT_KEPT) return;
      faults.push({ path: `line ${lines.linePos(scalar.range?.[0] ?? 0).line}`, message: NOT_KEPT_WORDS });
    },
  });
  if (faults.length > 0) throw new ConfigError(file, faults);
  try {
    return document.toJS();
  } catch (error) {
    // An alias of something that is not there, or of too much.
    throw new ConfigError(file, [{ path: '', message: `cannot be read: ${describeError(error)}` }]);
  }
}

/** A mapping of JavaScript takes this name for something else, and what stands under it would be lost on the way. */
const NOT_KEPT = '__proto__';
const NOT_KEPT_WORDS =
  'nothing can be called __proto__ here: give it another name; a field that an API calls so is read with from: "$.__proto__"';

const isPlain = ({ type, tag, source }: Scalar): boolean =>
  type === 'PLAIN' && tag === undefined && source !== undefined;

function nameOf(scalar: Scalar): unknown {
  return isPlain(scalar) && scalar.value !== null ? scalar.source : scalar.value;
}

function contentOf(scalar: Scalar): unknown {
  const { value, source = '' } = scalar;
  if (!isPlain(scalar) || value === null) return value;
  return typeof value === 'string' && !value.includes('${') ? value : new Written(source, meaningOf(source, value));
}
