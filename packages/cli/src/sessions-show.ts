import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { CommandError } from './command-error.ts';
import { indented, instant, masked, printable } from './printable.ts';

interface Options {
  readonly showKeys?: true;
  readonly json?: true;
}

/** `coatcheck sessions show` */
export function addSessionsShow(sessions: Command, context: CommandContext): void {
  sessions
    .command('show')
    .description('Show what is in one session, by its handle, key or digest.')
    .argument('<session>', 'a handle from the list, which reads every session, or a key')
    .option('--show-keys', 'print the whole key')
    .option('--json', 'print the result as JSON')
    .action((name: string, options: Options) => show(name, options, context));
}

async function show(name: string, { showKeys, json }: Options, context: CommandContext) {
  const { print } = context;
  await context.interruptibly((signal) =>
    context.withSessions(
      async ({ inspector }) => {
        const found = await inspector.find(name, { signal });
        if (!found) {
          throw new CommandError(
            'There is no such session: coatcheck sessions list has the handles.',
          );
        }
        const { handle, key, account, state, expiresAt, savedAt, bytes, entries } = found;
        if (json) {
          // Texts as they are stored: a number may be larger than JavaScript can hold.
          const data = [...entries].map(([entry, text]) => `${JSON.stringify(entry)}:${text}`);
          const head = JSON.stringify({
            handle,
            ...(showKeys && { key }),
            account: account ?? null,
            state,
            expiresAt: expiresAt ?? null,
            savedAt: savedAt ?? null,
            bytes,
          });
          return print(`${head.slice(0, -1)},"data":{${data.join(',')}}}`);
        }
        print(`session  ${handle}`);
        print(`key      ${showKeys ? printable(key) : masked(key)}`);
        print(`account  ${printable(account ?? '-')}`);
        print(`state    ${state}`);
        print(`expires  ${instant(expiresAt)}`);
        print(`saved    ${instant(savedAt)}`);
        print(`bytes    ${bytes}`);
        for (const [entry, text] of entries) {
          const [first = '', ...rest] = indented(text).split('\n');
          print('');
          print(`${printable(entry)}: ${printable(first)}`);
          for (const line of rest) print(printable(line));
        }
      },
      { table: true },
    ),
  );
}
