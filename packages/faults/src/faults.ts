import type { Random } from '@coatcheck/test-support';
import type { Fleet } from './fleet.ts';
import type { Place } from './place.ts';

/** Something that goes wrong, until `heal` is called. */
export interface Fault {
  readonly name: string;
  begin(): Promise<void>;
  heal(): Promise<void>;
}

/** Less than the minute for which a cycled key is remembered, which is how far clocks may be apart. */
const SKEW_MS = 30_000;

/** A process of the application is killed, and started again. */
export function kill(fleet: Fleet, random: Random): Fault {
  let site = fleet.site(0);
  return {
    name: 'a process of the application is killed',
    begin: async () => {
      site = fleet.site(random(fleet.sites.length));
      await site.signal('SIGKILL');
    },
    heal: () => site.start(),
  };
}

/** A process of the application is asked to end, as when a new version is rolled out; `ended` hears how that went. */
export function terminate(
  fleet: Fleet,
  random: Random,
  ended: (exitCode: number | null, ms: number) => void,
): Fault {
  let site = fleet.site(0);
  return {
    name: 'a process of the application is asked to end',
    begin: async () => {
      site = fleet.site(random(fleet.sites.length));
      const start = performance.now();
      ended(await site.end(), performance.now() - start);
    },
    heal: () => site.start(),
  };
}

/** The server is killed, and started again. */
export function killServer({ server }: Place): Fault {
  if (!server) throw new Error('There is no server.');
  return { name: 'the server is killed', begin: () => server.kill(), heal: () => server.start() };
}

/** What can go wrong with the processes of the application. */
export function siteFaults(fleet: Fleet, random: Random): Fault[] {
  let site = fleet.site(0);
  const choose = () => {
    site = fleet.site(random(fleet.sites.length));
    return site;
  };
  return [
    kill(fleet, random),
    {
      name: 'a process of the application hangs',
      begin: async () => void (await choose().signal('SIGSTOP')),
      heal: async () => void (await site.signal('SIGCONT')),
    },
    {
      name: 'a clock is ahead',
      begin: async () => choose().setClock(SKEW_MS),
      heal: async () => site.setClock(0),
    },
    {
      name: 'a clock is behind',
      begin: async () => choose().setClock(-SKEW_MS),
      heal: async () => site.setClock(0),
    },
  ];
}

/** What can go wrong with the place itself, and on the way to it. */
export function placeFaults(place: Place, random: Random): Fault[] {
  const { server, proxy, disk } = place;
  const faults: Fault[] = [];
  if (server) {
    faults.push(
      { name: 'the server hangs', begin: () => server.pause(), heal: () => server.resume() },
      killServer(place),
    );
  }
  if (proxy) {
    const heal = () => proxy.heal();
    const mode = (name: string, set: () => void): Fault => ({
      ...{ name, heal },
      begin: async () => set(),
    });
    faults.push(
      mode('connections are reset', () => proxy.reset()),
      { name: 'connections are refused', begin: () => proxy.refuse(), heal },
      mode('the network is slow', () => {
        proxy.requests.delayMs = 5 + random(100);
        proxy.answers.delayMs = 5 + random(100);
      }),
      mode('requests are lost', () => {
        proxy.requests.mode = 'drop';
      }),
      mode('answers are lost', () => {
        proxy.answers.mode = 'drop';
      }),
      mode('the network stands still', () => {
        proxy.requests.mode = 'hold';
      }),
      mode('connections end before requests arrive', () => {
        proxy.requests.mode = 'cut';
      }),
      mode('connections end after requests were carried out', () => {
        proxy.answers.mode = 'cut';
      }),
    );
  }
  if (disk) {
    const [begin, heal] = [async () => disk.fill(), async () => disk.free()];
    faults.push({ name: 'the disk is full', begin, heal });
  }
  return faults;
}
