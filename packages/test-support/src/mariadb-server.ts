import path from 'node:path';
import { findProgram, type TestServer, testServer } from './private-server.ts';

/** A log of the usual size takes longer to make than most tests. */
const smallLog = '--innodb-log-file-size=8M';

/** MariaDB or MySQL: the one in `MYSQL_URL`, else a MariaDB that is started. */
export function mariadbServer(): TestServer {
  const install = findProgram('mariadb-install-db', 'mysql_install_db');
  const mariadbd = findProgram('mariadbd', '/usr/sbin/mariadbd', 'mysqld', '/usr/sbin/mysqld');
  return testServer(
    'MariaDB',
    'MYSQL_URL',
    install && mariadbd
      ? {
          account: 'mysql',
          ready: 'ready for connections',
          prepare: (directory, run) =>
            run(
              ...([install, '--no-defaults', `--datadir=${path.join(directory, 'data')}`] as const),
              ...['--auth-root-authentication-method=normal', '--skip-name-resolve', smallLog],
              // Two at a time would remove each other's temporary tables.
              `--tmpdir=${directory}`,
            ),
          command: (directory, port) => [
            mariadbd,
            ...['--no-defaults', `--datadir=${path.join(directory, 'data')}`, `--port=${port}`],
            ...[`--socket=${path.join(directory, 'socket')}`, '--bind-address=127.0.0.1'],
            ...[`--pid-file=${path.join(directory, 'pid')}`, '--skip-name-resolve'],
            `--tmpdir=${directory}`,
            ...['--max-connections=300', '--innodb-buffer-pool-size=32M', smallLog],
            ...['--character-set-server=utf8mb4', '--collation-server=utf8mb4_general_ci'],
            // What the operating system has been told survives the server, which is all that tests end.
            '--innodb-flush-log-at-trx-commit=2',
          ],
          url: (port) => `mysql://root@127.0.0.1:${port}/test`,
        }
      : undefined,
  );
}
