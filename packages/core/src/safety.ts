import { statfsSync } from 'node:fs';
import { secretWeakness } from './secret-key.ts';
import type { SessionBackend } from './session-backend.ts';
import type { Settings } from './settings.ts';

/**
 * `safe`; `notice`: worth knowing, such as the second that a power cut may take; `unsafe`: the crash of a process loses
 * what was answered, or somebody else can read or forge sessions.
 */
export type SafetyLevel = 'safe' | 'notice' | 'unsafe';

/** One thing that was looked at, in plain words; never a key, data or a secret. */
export interface SafetyFinding {
  readonly level: SafetyLevel;
  /** What was looked at, such as `Redis persistence`. */
  readonly about: string;
  /** What it means, what can be lost, and what to do about it; whole sentences. */
  readonly message: string;
}

/** A backend that can tell what its place would lose, as it is set up now. */
export interface SafetyReporter {
  /** Asks the place for its settings and changes nothing. Rejects with the driver's error when it does not answer. */
  reportSafety(): Promise<readonly SafetyFinding[]>;
}

/** Whether the backend is a `SafetyReporter`. */
export function reportsSafety(backend: object): backend is SafetyReporter {
  return typeof (backend as Partial<SafetyReporter>).reportSafety === 'function';
}

/** Everything that can be told of the safety of these sessions: their settings first, then their place. */
export async function safetyFindings(
  backend: SessionBackend,
  settings: Settings,
): Promise<SafetyFinding[]> {
  const unknown: SafetyFinding = {
    level: 'notice',
    about: 'Engine',
    message: 'It does not tell what it can lose; ask whoever runs it.',
  };
  const place = reportsSafety(backend) ? await backend.reportSafety() : [unknown];
  return [secretFinding(settings), ...cookieFindings(settings), timeouts(settings), ...place];
}

/** What a finding about the file system of a path is; `undefined` where nothing is wrong with it. */
export function fileSystemFinding(path: string): SafetyFinding | undefined {
  const kind = FILE_SYSTEMS.get(statfsSync(path).type);
  return kind && { about: 'File system', ...kind };
}

/** Whether the path is on a file system of another machine, which may be away. */
export function isOverTheNetwork(path: string): boolean {
  return FILE_SYSTEMS.get(statfsSync(path).type) === overTheNetwork;
}

const inMemory: Omit<SafetyFinding, 'about'> = {
  level: 'unsafe',
  message: 'The files are in memory: a restart of the machine loses every session. Use a disk.',
};
const overTheNetwork: Omit<SafetyFinding, 'about'> = {
  level: 'unsafe',
  message:
    'The files are on a network file system, whose locks and renames cannot be relied on. Use a local disk, or a database server.',
};

/** The types of statfs(2). */
const FILE_SYSTEMS: ReadonlyMap<number, Omit<SafetyFinding, 'about'>> = new Map([
  [0x01021994, inMemory], // tmpfs
  [0x858458f6, inMemory], // ramfs
  [0x6969, overTheNetwork], // NFS
  [0xff534d42, overTheNetwork], // CIFS
  [0xfe534d42, overTheNetwork], // SMB2
]);

function secretFinding({ secretKey, secretKeyFallbacks }: Settings): SafetyFinding {
  const about = 'Secret key';
  const weakness = secretWeakness(secretKey);
  if (weakness) {
    return {
      level: 'unsafe',
      about,
      message: `secretKey ${weakness}: who guesses it signs sessions of his own. Make a random one and keep this as a fallback for a while.`,
    };
  }
  if (secretKeyFallbacks.some(secretWeakness)) {
    return {
      level: 'unsafe',
      about,
      message:
        'One of secretKeyFallbacks is easy to guess, and what it signs is accepted. Remove it.',
    };
  }
  const fallbacks = secretKeyFallbacks.length;
  if (fallbacks > 0) {
    const keys = fallbacks === 1 ? 'A former key is' : `${fallbacks} former keys are`;
    return {
      level: 'notice',
      about,
      message: `${keys} still accepted. Remove them once every session that they signed has ended.`,
    };
  }
  return { level: 'safe', about, message: 'It is long and looks random.' };
}

function cookieFindings({ cookie }: Settings): SafetyFinding[] {
  const about = 'Cookie';
  const found: SafetyFinding[] = [];
  if (!cookie.secure) {
    found.push({
      level: 'unsafe',
      about,
      message:
        'cookie.secure is off: the cookie also travels over plain HTTP, where others can read it. Turn it on wherever visitors come over HTTPS.',
    });
  }
  if (!cookie.httpOnly) {
    found.push({
      level: 'unsafe',
      about,
      message: 'cookie.httpOnly is off: any script of the page can read the session key.',
    });
  }
  if (cookie.sameSite === false || cookie.sameSite === 'None') {
    found.push({
      level: 'notice',
      about,
      message:
        'cookie.sameSite sends it with requests of other sites as well: every form needs a CSRF token.',
    });
  }
  if (cookie.domain !== undefined) {
    found.push({
      level: 'notice',
      about,
      message:
        'cookie.domain shares it with every subdomain, each of which can read and replace it.',
    });
  } else if (cookie.secure && !/^__(host|secure)-/i.test(cookie.name)) {
    found.push({
      level: 'notice',
      about,
      message: `With cookie.name "__Host-${cookie.name}" no other host could set it; Django then needs the same name.`,
    });
  }
  if (found.length > 0) return found;
  return [{ level: 'safe', about, message: 'Secure, HttpOnly, SameSite, for this host alone.' }];
}

function timeouts({ idleTimeout, absoluteTimeout, cookie }: Settings): SafetyFinding {
  const about = 'Lifetime';
  if (absoluteTimeout === undefined && idleTimeout === undefined) {
    return {
      level: 'notice',
      about,
      message: `A session ends ${cookie.age} seconds after its last change, and a stolen key lives as long as it is used. idleTimeout and absoluteTimeout set limits.`,
    };
  }
  return { level: 'safe', about, message: 'Sessions end even while they are in use, or idle.' };
}
