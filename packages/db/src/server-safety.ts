import type { SafetyFinding } from '@coatcheck/core';
import type { Row, Statement } from './database-driver.ts';

/** How a kind of server is asked what it would lose: one query, and what its row means. */
export interface ServerSafety {
  readonly query: Statement;
  findings(row: Row): SafetyFinding[];
}

/** What PostgreSQL would lose of the table, as it is set up for our connections. */
export function postgresqlSafety(table: string): ServerSafety {
  return {
    query: {
      sql: `SELECT current_setting('synchronous_commit') AS commits, current_setting('fsync') AS fsync, current_setting('full_page_writes') AS pages, (SELECT relpersistence::text FROM pg_class WHERE oid = to_regclass($1)) AS persistence, (SELECT count(*) FROM pg_stat_replication) AS standbys`,
      values: [`"${table}"`],
    },
    findings: ({ commits, fsync, pages, persistence, standbys }) => [
      postgresqlDurability(String(commits), fsync === 'on', pages === 'on', persistence === 'u'),
      ...standbyFinding(Number(standbys), String(commits)),
    ],
  };
}

/** What MySQL or MariaDB would lose of the table. */
export function mysqlSafety(table: string): ServerSafety {
  return {
    query: {
      sql: 'SELECT @@innodb_flush_log_at_trx_commit AS `flush`, @@sync_binlog AS `binlog`, @@log_bin AS `logged`, @@innodb_doublewrite AS `doublewrite`, (SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = $1) AS `engine`',
      values: [table],
    },
    findings: ({ flush, binlog, logged, doublewrite, engine }) => [
      mysqlDurability(
        Number(flush),
        String(engine ?? 'InnoDB'),
        /^(0|OFF)$/i.test(String(doublewrite)),
      ),
      ...binlogFinding(Number(binlog), /^(1|ON)$/i.test(String(logged))),
    ],
  };
}

function postgresqlDurability(
  commits: string,
  fsync: boolean,
  pages: boolean,
  isUnlogged: boolean,
): SafetyFinding {
  const about = 'PostgreSQL durability';
  if (isUnlogged) {
    return {
      level: 'unsafe',
      about,
      message:
        'The table is UNLOGGED: a crash of the server empties it and logs everybody out. ALTER TABLE … SET LOGGED.',
    };
  }
  if (!fsync || !pages) {
    return {
      level: 'unsafe',
      about,
      message: `${fsync ? 'full_page_writes' : 'fsync'} is off: a power cut can destroy the whole database. Turn it on.`,
    };
  }
  if (commits === 'off') {
    return {
      level: 'unsafe',
      about,
      message:
        'synchronous_commit is off: a crash loses the last moments (three times wal_writer_delay, 0.6 s by default), logouts among them. Set it to on for this user: ALTER ROLE … SET synchronous_commit = on.',
    };
  }
  return {
    level: 'safe',
    about,
    message: `synchronous_commit is ${commits}: what was answered is on disk.`,
  };
}

function standbyFinding(standbys: number, commits: string): SafetyFinding[] {
  if (standbys === 0 || commits === 'remote_apply') return [];
  return [
    {
      level: 'notice',
      about: 'PostgreSQL standbys',
      message:
        'There are standbys: unless synchronous_standby_names lists them, a failover may lose the last moments, and a read sent to one may be old. Sessions belong on the primary.',
    },
  ];
}

function mysqlDurability(flush: number, engine: string, noDoublewrite: boolean): SafetyFinding {
  const about = 'MySQL durability';
  if (engine.toLowerCase() !== 'innodb') {
    return {
      level: 'unsafe',
      about,
      message: `The table's engine is ${engine}, which has no crash recovery. ALTER TABLE … ENGINE = InnoDB.`,
    };
  }
  if (flush !== 1) {
    const [level, event] =
      flush === 2 ? (['notice', 'a power cut'] as const) : (['unsafe', 'a crash'] as const);
    return {
      level,
      about,
      message: `innodb_flush_log_at_trx_commit is ${flush}: ${event} loses the last second, logouts among them. Set it to 1.`,
    };
  }
  if (noDoublewrite) {
    return {
      level: 'unsafe',
      about,
      message:
        'innodb_doublewrite is off: a power cut can leave torn pages, unless the file system prevents them. Turn it on.',
    };
  }
  return {
    level: 'safe',
    about,
    message: 'innodb_flush_log_at_trx_commit is 1: what was answered is on disk.',
  };
}

function binlogFinding(binlog: number, isLogged: boolean): SafetyFinding[] {
  if (!isLogged || binlog === 1) return [];
  return [
    {
      level: 'notice',
      about: 'MySQL replication',
      message: `sync_binlog is ${binlog}: after a power cut, replicas may lack what the primary has. Set it to 1 where one of them may take over.`,
    },
  ];
}
