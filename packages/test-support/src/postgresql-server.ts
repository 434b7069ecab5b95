import { readdirSync } from 'node:fs';
import path from 'node:path';
import { findProgram, type TestServer, testServer } from './private-server.ts';

/** How a PostgreSQL is started. */
export interface PostgresqlServerOptions {
  /** Where its directory is made. @default the system's directory for temporary files */
  readonly within?: () => string;
  /** Settings as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** PostgreSQL: the one in `POSTGRESQL_URL`, else one that is started. */
export function postgresqlServer({
  within,
  settings = {},
}: PostgresqlServerOptions = {}): TestServer {
  const initdb = findProgram('initdb', ...debianPrograms('initdb'));
  const postgres = findProgram('postgres', ...debianPrograms('postgres'));
  return testServer(
    'PostgreSQL',
    'POSTGRESQL_URL',
    initdb && postgres
      ? {
          account: 'postgres',
          within,
          ready: 'database system is ready to accept connections',
          prepare: (directory, run) =>
            run(
              ...([initdb, '-D', path.join(directory, 'data'), '-U', 'postgres'] as const),
              ...['--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync'],
            ),
          command: (directory, port) => [
            ...([postgres, '-D', path.join(directory, 'data'), '-p', String(port)] as const),
            ...setting('listen_addresses', '127.0.0.1'),
            ...setting('unix_socket_directories', ''),
            ...setting('max_connections', '300'),
            // What the operating system has been told survives the server, which is all that tests end.
            ...setting('fsync', 'off'),
            ...Object.entries(settings).flatMap(([name, value]) => setting(name, value)),
          ],
          url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
        }
      : undefined,
  );
}

// Debian keeps the programs of each version out of the path; the newest comes first.
function debianPrograms(name: string): string[] {
  const root = '/usr/lib/postgresql';
  try {
    const versions = readdirSync(root).sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => path.join(root, version, 'bin', name));
  } catch {
    return [];
  }
}

function setting(name: string, value: string): string[] {
  return ['-c', `${name}=${value}`];
}
