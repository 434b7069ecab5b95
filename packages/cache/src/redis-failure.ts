import { BackendUnavailable } from '@coatcheck/core';

/** What kept Redis from answering, with a code: its own for what it refused, else the network's or one of ours. */
export class RedisFailure extends Error {
  override readonly name = 'RedisFailure';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Of a command that never left this process. */
export function notSent(): RedisFailure {
  return new RedisFailure('NOTSENT', 'There was no connection to send a command on.');
}

/** What a caller is told of a command that failed. */
export function failureOf(error: unknown, writes: boolean): Error {
  if (error instanceof RedisFailure) return error;
  const cause = harmless(error);
  if (!writes || isUnsent(error) || replyCode(error) !== undefined) return cause;
  return new BackendUnavailable('The connection to Redis was lost before it answered a write.', {
    cause,
    ambiguous: true,
  });
}

/** The driver's own errors carry the arguments of the command, as do some replies: keys, data, the password. */
export function harmless(error: unknown): RedisFailure {
  const reply = replyCode(error);
  if (reply !== undefined) return new RedisFailure(reply, `Redis refused a command: ${reply}.`);
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return new RedisFailure(String(code ?? 'NOANSWER'), String(message));
}

/** Whether the command never left this process: the connection had ended, and the client had not heard of it yet. */
export function isUnsent(error: unknown): boolean {
  if (error instanceof RedisFailure) return error.code === 'NOTSENT';
  return /^Stream isn't writeable/.test(
    String((error as { message?: unknown } | undefined)?.message),
  );
}

/** Whether the connection ended before it brought an answer. */
export function isLost(error: unknown): boolean {
  return (error as { message?: unknown } | undefined)?.message === 'Connection is closed.';
}

/** The first word of an error that the server replied, which is its code; it then did nothing. */
export function replyCode(error: unknown): string | undefined {
  const { name, message } = (error ?? {}) as { name?: unknown; message?: unknown };
  if (name === 'ReplyError') return String(message).split(' ', 1)[0];
  // Where a cluster has sent a command from node to node in vain.
  return /^Too many Cluster redirections\. Last error: ReplyError: (\S+)/.exec(
    String(message),
  )?.[1];
}
