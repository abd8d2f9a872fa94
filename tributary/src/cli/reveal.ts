import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { count, FatalError, textLines } from '@tributary/shared';
import type { FormName } from './reveal/forms.js';
import { audited } from './shell/audited.js';
import { createCommand, withEnvironment, withExamples } from './shell/command.js';
import { CommandFailed, type Context, EXIT } from './shell/context.js';

/** Shows what `protect: encrypt` has encrypted, to whoever has the keys. */
export function revealCommand(context: Context): CommandUnknownOpts {
  const about =
    'Decrypts values that protect: encrypt has made (enc:…): one that is given, or all that stand in the lines of stdin. --as says what these are: in CSV ' +
    'a value is quoted where it has to be and is no formula for a spreadsheet, in JSON it is written as JSON, and in text as it is. It needs PRIVACY_ENCRYPTION_KEYS. Who did it, when, why and to how many values is written to the audit log first.';
  const command = createCommand(context, 'reveal', 'decrypt values of protected fields', about)
    .argument('[VALUE]', 'a text with encrypted values; lines from stdin unless given')
    .addOption(new Option('--as <FORM>', 'what stdin holds').choices(['csv', 'json', 'text'] as const))
    .requiredOption('--reason <TEXT>', 'why, for the audit log')
    .action(async (value, { reason, as }) => {
      if (value === undefined && as === undefined)
        command.error('error: say what stdin holds: --as csv, --as json or --as text', { exitCode: EXIT.usage });
      await revealLines(context, value, as ?? 'text', reason);
    });
  const examples = [
    ['enc:2026:8Rk… --reason "ticket 4711"', 'one value'],
    ['--as csv --reason "yearly letter" < output/customers/part-….csv', 'a whole file'],
  ] as const;
  return withEnvironment(withExamples(context, command, examples), [
    'PRIVACY_ENCRYPTION_KEYS',
    'AUDIT_LOG',
    'AUDIT_ACTOR',
  ]);
}

async function revealLines(context: Context, value: string | undefined, as: FormName, reason: string): Promise<void> {
  if (reason.trim() === '')
    throw new FatalError('reason_missing', '--reason is empty: say why the values are decrypted');
  const { env, terminal } = context;
  const { readProtectionKeys } = await import('@tributary/producer');
  const { revealed } = await import('./reveal/forms.js');
  const keys = readProtectionKeys(env);
  if (keys.encryption.length === 0) {
    throw new FatalError(
      'protection_key_missing',
      'PRIVACY_ENCRYPTION_KEYS is not set: without the keys nothing can be decrypted',
    );
  }
  const missing = new Set<string>();
  // Values do not tell of which pipeline they are.
  const done = await audited(context, undefined, {
    action: 'reveal',
    detail: { reason },
    async work() {
      let found = 0;
      const lines = value === undefined ? textLines(process.stdin) : [value];
      for await (const record of revealed(lines, as, keys)) {
        found += record.count;
        for (const id of record.missing) missing.add(id);
        terminal.write(`${record.text}\n`);
      }
      return found;
    },
    done: (values) => ({ done: values }),
  });
  terminal.say(`${count(done, 'value')} decrypted\n`);
  if (value !== undefined && done === 0 && missing.size === 0) {
    throw new FatalError('value_invalid', 'the text holds no whole value that protect: encrypt has made (enc:KEY:…)');
  }
  if (missing.size === 0) return;
  terminal.say(
    `values of the keys ${[...missing].join(', ')} stay as they are: PRIVACY_ENCRYPTION_KEYS has no key of that name, or another one than they were encrypted with\n`,
  );
  throw new CommandFailed('not all values could be decrypted');
}
