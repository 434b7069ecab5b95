/**
 * The exit codes of a shell command. `pending`: nothing is wrong, and something has to be waited for; the last two are
 * those of a program that SIGINT or SIGPIPE has ended.
 */
export const exitCodes = {
  success: 0,
  failure: 1,
  usage: 2,
  pending: 3,
  interrupted: 130,
  closedPipe: 141,
} as const;

/** Ends a command with one sentence on stderr. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.failure) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Errors of the network, and those of the drivers that mean the same. */
const UNREACHABLE =
  /^(?:ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EPIPE|NOTCONNECTED|PROTOCOL_CONNECTION_LOST)$/;
const REFUSED =
  /^(?:28P01|28000|3D000|ER_ACCESS_DENIED_ERROR|ER_BAD_DB_ERROR|WRONGPASS|NOAUTH|NOPERM)$/;

/** Where the address of an engine's server is set. */
const places: Readonly<Record<string, string>> = {
  db: 'db.url',
  cached_db: 'db.url and cache.url',
  cache: 'cache.url',
  file: 'file.path',
};

/** What went wrong with an engine, and what to do; errors that say so themselves stay as they are. */
export function failureOf(error: unknown, engine: string): unknown {
  if (error instanceof CommandError) return error;
  const { name } = (error ?? {}) as { name?: unknown };
  if (name === 'ImproperlyConfigured') return error;
  const place = places[engine] ?? 'its settings';
  const code =
    causesOf(error)
      .map(codeOf)
      .find((found) => found !== '') ?? '';
  if (UNREACHABLE.test(code)) {
    return new CommandError(
      `The server of the session engine '${engine}' does not answer (${code}): start it, or correct ${place}.`,
    );
  }
  if (REFUSED.test(code)) {
    return new CommandError(
      `The server of the session engine '${engine}' refuses the connection (${code}): correct user, password and database in ${place}.`,
    );
  }
  return new CommandError(
    `The session engine '${engine}' failed: ${reasonOf(error).replace(/\.$/, '')}; check it and ${place}.`,
  );
}

/** Why something failed, in words; some errors of the network have only a code. */
export function reasonOf(error: unknown): string {
  const last = causesOf(error).at(-1);
  if (!(last instanceof Error)) return String(last);
  return last.message || codeOf(last) || last.name;
}

/** The error, and what caused it. */
function causesOf(error: unknown): unknown[] {
  const found: unknown[] = [];
  let next = error;
  while (next !== undefined && next !== null && found.length < 8) {
    found.push(next);
    const { cause, errors } = next as { cause?: unknown; errors?: unknown };
    next = cause ?? (Array.isArray(errors) ? errors[0] : undefined);
  }
  return found;
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}
