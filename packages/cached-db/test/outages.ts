import type { RedisServer } from '@coatcheck/test-support';

/** What becomes of a Redis, and how it comes back from that. */
export function outagesOf(
  server: () => RedisServer,
): [string, stop: () => Promise<unknown>, goOn: () => Promise<unknown>][] {
  return [
    ['is stopped', () => server().signal('SIGSTOP'), () => server().signal('SIGCONT')],
    [
      // What reads goes on.
      'is paused',
      () => server().command('client', 'pause', '600000', 'WRITE'),
      () => server().command('client', 'unpause'),
    ],
    ['is killed', () => server().signal('SIGKILL'), () => server().start()],
  ];
}
