import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { createCommand, withExamples } from './shell/command.js';
import type { Context } from './shell/context.js';
import { withProgress } from './shell/terminal.js';

/** What a database has that an endpoint with `source: sql` could read. */
export function listCommand(context: Context): CommandUnknownOpts {
  const { terminal } = context;
  const about =
    'Shows the tables and views of a database that its user may read: columns with types, keys, sizes, and the columns by ' +
    'which what is new can be found. Reads nothing else.';
  const command = createCommand(context, 'list', 'show the tables of a database, with keys and versions', about)
    .argument('<DATABASE-URL>', 'as an endpoint has it, such as postgres://user@host:5432/database')
    .argument('[TABLE]', 'only this table')
    .action(async (url, table) => {
      const { listTables } = await import('@tributary/producer');
      const listing = listTables({ url, table, write: (text) => terminal.write(text) });
      await withProgress(terminal, () => 'looking at the database', listing);
    });
  return withExamples(context, command, [
    ['"$DATABASE_URL"', 'all tables; a variable keeps the password out of the history of commands'],
    ['postgres://reader@localhost/shop sales.orders', 'one of them'],
  ]);
}
