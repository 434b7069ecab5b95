import type { SafetyFinding } from '@coatcheck/core';

/** Asks the server one thing; rejects where it does not answer or must not. */
export type Ask = (command: 'config' | 'info', args: readonly string[]) => Promise<unknown>;

/** What a Redis server would lose of the sessions it has, as it is set up now. */
export async function redisFindings(ask: Ask, waitReplicas: number): Promise<SafetyFinding[]> {
  const info = sectionsOf(
    `${await ask('info', ['persistence'])}\n${await ask('info', ['replication'])}`,
  );
  const settings = await settingsOf(ask);
  if (!settings) {
    return [
      {
        level: 'notice',
        about: 'Redis settings',
        message: `CONFIG GET is not allowed here. ${info.get('aof_enabled') === '1' ? 'The append-only file is on' : 'The append-only file is off, so that a crash loses what was not in the last snapshot'}; ask the operator for appendfsync and maxmemory-policy.`,
      },
      replicas(info, new Map(), waitReplicas),
    ];
  }
  return [persistence(settings, info), eviction(settings), replicas(info, settings, waitReplicas)];
}

const names = [
  'appendonly',
  'appendfsync',
  'save',
  'maxmemory',
  'maxmemory-policy',
  'min-replicas-to-write',
];

/** `undefined`: the server does not let us ask, as hosted ones do not. */
async function settingsOf(ask: Ask): Promise<ReadonlyMap<string, string> | undefined> {
  const settings = new Map<string, string>();
  try {
    for (const name of names) {
      // One name a command: servers before version 7 take no more.
      const reply = (await ask('config', ['GET', name])) as readonly unknown[];
      settings.set(name, String(reply[1] ?? ''));
    }
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'NOPERM' || code === 'ERR') return undefined;
    throw error;
  }
  return settings;
}

function persistence(
  settings: ReadonlyMap<string, string>,
  info: ReadonlyMap<string, string>,
): SafetyFinding {
  const about = 'Redis persistence';
  const remedy = 'Set appendonly to yes, in the configuration file as well.';
  if (settings.get('appendonly') !== 'yes') {
    const message =
      settings.get('save') === ''
        ? `Nothing is written to disk: a restart of the server loses every session. ${remedy}`
        : `Only snapshots are written (save "${settings.get('save')}"): a crash loses every login and logout since the last one. ${remedy}`;
    return { level: 'unsafe', about, message };
  }
  if (info.get('aof_last_write_status') === 'err') {
    return {
      level: 'unsafe',
      about,
      message:
        'The last write to the append-only file failed: look for a full disk in the log of the server.',
    };
  }
  const fsync = settings.get('appendfsync');
  if (fsync === 'no') {
    return {
      level: 'unsafe',
      about,
      message:
        'appendfsync is no: a power cut loses what the system had not written yet, often half a minute. Set it to everysec or always.',
    };
  }
  return fsync === 'always'
    ? {
        level: 'safe',
        about,
        message: 'appendfsync is always: what was answered is on disk.',
      }
    : {
        level: 'notice',
        about,
        message:
          'appendfsync is everysec: a power cut loses the last second, two at the worst; a crash of the server alone loses nothing that the system still writes.',
      };
}

function eviction(settings: ReadonlyMap<string, string>): SafetyFinding {
  const about = 'Redis memory';
  const policy = settings.get('maxmemory-policy') ?? '';
  if (settings.get('maxmemory') === '0') {
    return {
      level: 'notice',
      about,
      message:
        'maxmemory is not set: the server grows until the system stops it. Set it, with maxmemory-policy noeviction.',
    };
  }
  if (policy === 'noeviction') {
    return {
      level: 'safe',
      about,
      message: 'When memory is full, new sessions are refused with 503 and nobody is logged out.',
    };
  }
  return {
    level: 'unsafe',
    about,
    message: `maxmemory-policy is ${policy}: when memory is full, live sessions are removed and their visitors logged out. Set noeviction on a server for sessions.`,
  };
}

function replicas(
  info: ReadonlyMap<string, string>,
  settings: ReadonlyMap<string, string>,
  waitReplicas: number,
): SafetyFinding {
  const about = 'Redis replicas';
  const count = Number(info.get('connected_slaves') ?? 0);
  if (waitReplicas > count) {
    return {
      level: 'unsafe',
      about,
      message: `cache.waitReplicas is ${waitReplicas}, and ${count === 1 ? 'one is' : `${count} are`} connected: every write is answered 503. Connect more, or lower it.`,
    };
  }
  if (waitReplicas > 0) {
    return {
      level: 'safe',
      about,
      message: `cache.waitReplicas is ${waitReplicas}: what was answered is on as many replicas, and a failover to one of them loses nothing.`,
    };
  }
  if (count === 0) {
    return {
      level: 'notice',
      about,
      message: 'There is none: while this server is away, sessions answer 503.',
    };
  }
  const needed = Number(settings.get('min-replicas-to-write') ?? 0);
  const window =
    'Replication is asynchronous: a failover may lose the last moments, a logout among them, unless cache.waitReplicas is set.';
  return {
    level: 'notice',
    about,
    message:
      needed > 0
        ? `${window} min-replicas-to-write ${needed} keeps a server that lost its replicas from taking writes for long.`
        : `${window} min-replicas-to-write is 0, so that a server cut off from its ${count === 1 ? 'replica' : `${count} replicas`} goes on taking writes that the failover throws away; set it to 1.`,
  };
}

/** The lines `name:value` of INFO. */
function sectionsOf(text: string): ReadonlyMap<string, string> {
  const pairs = text.matchAll(/^(?<name>\w+):(?<value>.*?)\r?$/gm);
  return new Map([...pairs].map(({ groups }) => [groups?.name ?? '', groups?.value ?? '']));
}
