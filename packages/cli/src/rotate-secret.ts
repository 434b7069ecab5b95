import { randomBytes } from 'node:crypto';
import type { SessionsConfig } from '@coatcheck/config';
import type { Sessions } from '@coatcheck/core';
import type { Command } from 'commander';
import { assertTable, type CommandContext } from './command-context.ts';
import { CommandError, exitCodes } from './command-error.ts';
import { instant } from './printable.ts';
import { Progress } from './progress.ts';
import { Rotation } from './rotation.ts';

interface Options {
  readonly generate?: true;
  readonly json?: true;
}

const STEPS = [
  'To rotate the secret key, here and in a Django that shares the sessions, so that nobody is logged out:',
  '1. coatcheck rotate-secret --generate makes a new secret.',
  '2. Add it to secretKeyFallbacks (SECRET_KEY_FALLBACKS) and deploy that everywhere: what one process signs, all can read.',
  '3. Make it the secretKey (SECRET_KEY), and the former one the first of the fallbacks; deploy that everywhere.',
  '4. Wait: a session is signed anew when it is next changed or renewed. Exit code 0 of coatcheck rotate-secret is the end of it.',
  '5. Take the fallback out and deploy. A secret that somebody else may have seen goes at once instead, with all sessions.',
];

/** `coatcheck rotate-secret`: how far a rotation of the secret key is, and what to do next. */
export function addRotateSecret(program: Command, context: CommandContext): void {
  program
    .command('rotate-secret')
    .description('Say how many live sessions need a fallback of the secret key, and what to do.')
    .option('--generate', 'only make a new secret, and print the settings to change')
    .option('--json', 'print the result as JSON')
    .action((options: Options) =>
      context.interruptibly((signal) => rotateSecret(options, context, signal)),
    );
}

async function rotateSecret(
  { generate, json }: Options,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  await context.withSessions(async (sessions, engine, settings) => {
    const { encoding } = sessions.backend;
    if (generate) return printNewSecret(sessions, json, context);
    const isLeft = mayBeLeft(sessions, settings);
    if (encoding === 'serialized') reportUnsigned(sessions, engine, isLeft, json, context);
    else if (encoding.inCookie) return reportCookies(sessions, engine, json, context);
    else await reportStored(sessions, engine, isLeft, json, context, signal);
    if (isLeft) {
      throw new CommandError(
        'Sessions that are still in the engine of migratingFrom may need a fallback: run coatcheck move, take migratingFrom out, and run this again.',
        exitCodes.pending,
      );
    }
  });
}

/** Whether what is signed with a fallback may also be in the place that sessions are moved from. */
function mayBeLeft(
  { formerBackend, settings }: Sessions,
  { migratingFrom }: SessionsConfig,
): boolean {
  const hasOwnKeys = migratingFrom?.secretKey ?? migratingFrom?.secretKeyFallbacks;
  const isSigned = formerBackend !== undefined && formerBackend.encoding !== 'serialized';
  return isSigned && hasOwnKeys === undefined && settings.secretKeyFallbacks.length > 0;
}

async function reportStored(
  sessions: Sessions,
  engine: string,
  isLeft: boolean,
  json: true | undefined,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  await assertTable(sessions.backend, engine);
  const rotation = await count(sessions, context, signal);
  if (signal.aborted) throw new CommandError('Interrupted.', exitCodes.interrupted);
  if (json) context.print(JSON.stringify(asJson(rotation, engine, isLeft)));
  else for (const line of asText(rotation)) context.print(line);
  if (!rotation.isDone) {
    throw new CommandError(
      `A fallback is still needed: leave it in and run this again, at the latest after ${instant(rotation.lastEndsAt)}.`,
      exitCodes.pending,
    );
  }
}

async function count(
  sessions: Sessions,
  context: CommandContext,
  signal: AbortSignal,
): Promise<Rotation> {
  const rotation = new Rotation(sessions);
  const progress = new Progress(context, 'looked at');
  let read = 0;
  try {
    for await (const batch of sessions.inspector.scan({ signal })) {
      for (const session of batch.sessions) rotation.add(session);
      read += batch.sessions.length;
      progress.show(read);
    }
  } finally {
    progress.end();
  }
  return rotation;
}

function asJson(rotation: Rotation, engine: string, isLeft: boolean): object {
  const { live, current, fallbacks, unreadable, logins } = rotation;
  const isDone = rotation.isDone && !isLeft;
  return { engine, isCounted: true, isDone, live, current, fallbacks, unreadable, logins };
}

function asText(rotation: Rotation): string[] {
  const { live, current, fallbacks, unreadable, logins } = rotation;
  const lines = [`The secret key signs ${current} of ${sessionsOf(live)}.`];
  for (const { position, live: signed, lastEndsAt } of fallbacks) {
    lines.push(
      signed === 0
        ? `Fallback ${position} signs none: drop it, unless it is the next secret key.`
        : `Fallback ${position} signs ${signed}: keep it; the last of them ends at ${instant(lastEndsAt)} unless it is signed anew before.`,
    );
  }
  if (fallbacks.length === 0) lines.push('There are no fallbacks: no rotation is under way.');
  if (unreadable > 0) {
    lines.push(
      `${unreadable} cannot be read: forged, or signed with a secret that is neither the key nor a fallback any more.`,
    );
  }
  if (fallbacks.length > 0 && logins > 0) {
    lines.push(
      `${logins} carry a login, which is signed anew when its user is next read: whoever only changed the session since then logs in again once the fallback is gone.`,
    );
  }
  return fallbacks.length === 0 ? [...lines, '', ...STEPS] : lines;
}

/** A cache: what is stored there is not signed. */
function reportUnsigned(
  { settings }: Sessions,
  engine: string,
  isLeft: boolean,
  json: true | undefined,
  { print }: CommandContext,
): void {
  if (json) {
    const fallbacks = settings.secretKeyFallbacks.map((_, i) => ({ position: i + 1, live: 0 }));
    print(JSON.stringify({ engine, isCounted: false, isDone: !isLeft, fallbacks }));
    return;
  }
  print(
    `The engine '${engine}' signs nothing, so that no session needs a fallback; a login does until its user is next read, and at most for as long as the session lives.`,
  );
}

/** Visitors have the sessions: what they are signed with shows when they come. */
function reportCookies(
  { settings }: Sessions,
  engine: string,
  json: true | undefined,
  context: CommandContext,
): void {
  const { secretKeyFallbacks, cookie } = settings;
  const isDone = secretKeyFallbacks.length === 0;
  const lastEndsAt = new Date(context.now().getTime() + cookie.age * 1000);
  if (json) {
    const fallbacks = secretKeyFallbacks.map((_, i) => ({ position: i + 1, lastEndsAt }));
    context.print(JSON.stringify({ engine, isCounted: false, isDone, fallbacks }));
  } else {
    context.print(
      `Visitors keep what the engine '${engine}' signs, so that it cannot be counted: drop a fallback ${cookie.age} seconds (cookie.age) after the last process that signed with it has ended; if that is now, at ${instant(lastEndsAt)}.`,
    );
    if (isDone) context.print('There are no fallbacks: no rotation is under way.');
  }
  if (!isDone) {
    throw new CommandError(
      'Whether a fallback is still needed cannot be told here: leave it in until then.',
      exitCodes.pending,
    );
  }
}

function printNewSecret(
  { settings }: Sessions,
  json: true | undefined,
  { print }: CommandContext,
): void {
  const newSecretKey = randomBytes(48).toString('base64url');
  if (json) {
    print(JSON.stringify({ newSecretKey }));
    return;
  }
  const former = ['<SECRET_KEY as it is now>'];
  if (settings.secretKeyFallbacks.length > 0) former.push('<SECRET_KEY_FALLBACKS as it is now>');
  print(`SECRET_KEY=${newSecretKey}`);
  print(`SECRET_KEY_FALLBACKS=${former.join(',')}`);
}

function sessionsOf(live: number): string {
  return `${live} live session${live === 1 ? '' : 's'}`;
}
