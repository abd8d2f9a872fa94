import { decodeUserInfo, either, FatalError } from '@tributary/shared';
import { isOdbcDialect, ODBC_DIALECTS, type OdbcDialect } from './dialects.js';

/** What drivers call the kinds of databases, where the URL does not say it. */
const BY_DRIVER: readonly (readonly [pattern: RegExp, name: keyof typeof ODBC_DIALECTS])[] = [
  [/mysql|mariadb/i, 'mysql'],
  [/postgres|psql/i, 'postgres'],
  [/sql server|freetds|msodbc/i, 'sqlserver'],
  [/db2/i, 'db2'],
];

export interface OdbcTarget {
  readonly connectionString: string;
  readonly dialect: OdbcDialect;
}

/**
 * Reads `odbc://user:password@host:port/database?driver=MariaDB+Unicode` or, with a data source of odbc.ini,
 * `odbc://user:password@NAME?dialect=db2`. Further parameters go into the connection string as they are.
 * @throws FatalError if nothing says what SQL the database speaks
 */
export function readOdbcUrl(text: string): OdbcTarget {
  const { hostname, port, username, password, pathname, searchParams } = new URL(text);
  const more = new Map(searchParams);
  const driver = more.get('driver');
  const named = more.get('dialect') ?? BY_DRIVER.find(([pattern]) => pattern.test(driver ?? ''))?.[1] ?? '';
  more.delete('driver');
  more.delete('dialect');
  if (!isOdbcDialect(named)) {
    const found = named === '' ? 'nothing says it' : `found "${named}"`;
    const message = `the URL has to say what SQL is spoken behind ODBC, such as ?dialect=db2: expected ${either(Object.keys(ODBC_DIALECTS))}, ${found}`;
    throw new FatalError('url_invalid', message);
  }
  const database = decodeUserInfo(pathname.slice(1));
  const parts: (readonly [string, string])[] =
    driver === undefined
      ? [['DSN', decodeUserInfo(hostname)]]
      : [
          ['DRIVER', driver],
          ['SERVER', hostname],
          ['PORT', port],
        ];
  parts.push(['DATABASE', database], ['UID', decodeUserInfo(username)], ['PWD', decodeUserInfo(password)], ...more);
  const written = parts.filter(([, value]) => value !== '').map(([name, value]) => `${name}=${braced(value)}`);
  return { connectionString: written.join(';'), dialect: ODBC_DIALECTS[named] };
}

/** In braces, so that a semicolon in a password begins no other setting. */
const braced = (value: string): string => (/^[\w.-]+$/.test(value) ? value : `{${value.replaceAll('}', '}}')}}`);
