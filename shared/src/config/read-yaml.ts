import { LineCounter, parseDocument, type Scalar, visit } from 'yaml';
import { ConfigError } from './fault.js';
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
  visit(document, {
    Scalar(key, scalar) {
      scalar.value = key === 'key' ? nameOf(scalar) : contentOf(scalar);
    },
  });
  return document.toJS();
}

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
