import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Here } from './coatcheck-here.ts';

let here: Here;
const hourAgo = () => new Date(Date.now() - 3_600_000);
const day = 86_400_000;

beforeEach(() => {
  here = new Here();
});

afterEach(() => here.remove());

async function storeExpired(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await here.store({ n }, hourAgo());
}

describe('coatcheck clearsessions', () => {
  it('ends live sessions of an account, or with an entry, and no others', async () => {
    const seven = await here.store({ _auth_user_id: '7', role: 'guest', n: 1 });
    const eight = await here.store({ _auth_user_id: '8', role: 'guest', n: 2 });
    const other = await here.store({ role: 'admin', n: 1 });
    const where = 'clearsessions --where role=guest --where n=1';
    expect((await here.coatcheck(`${where} --dry-run`)).stdout).toBe(
      'Would remove 1 matching session.\n',
    );
    expect((await here.coatcheck(where)).stdout).toBe('Removed 1 matching session.\n');
    expect(await here.exists(seven)).toBe(false);
    expect(JSON.parse((await here.coatcheck('clearsessions --account 8 --json')).stdout)).toEqual({
      matching: 1,
      removed: 1,
      dryRun: false,
      interrupted: false,
    });
    expect(await here.exists(eight)).toBe(false);
    expect(await here.exists(other)).toBe(true);
  });

  it('ends live sessions that were saved before, whatever their expiry', async () => {
    const key = await here.store({ n: 1 }, new Date(Date.now() + 400 * day));
    const older = 'clearsessions --older-than 30d';
    expect((await here.coatcheck(older)).stdout).toBe('Removed 0 matching sessions.\n');
    const later = () => new Date(Date.now() + 31 * day);
    expect((await here.coatcheck(older, { now: later })).stdout).toBe(
      'Removed 1 matching session.\n',
    );
    expect(await here.exists(key)).toBe(false);
  });

  it('waits between two steps', async () => {
    await storeExpired(5);
    const waits: number[] = [];
    const { stdout } = await here.coatcheck('clearsessions --batch 2 --pause 100ms', {
      wait: async (ms) => {
        waits.push(ms);
      },
    });
    expect(stdout).toBe('Removed 5 expired sessions.\n');
    expect(waits).toEqual([100, 100, 100]);
  });

  it('stays with --watch, strays from the interval, and ends well when it is told to', async () => {
    await storeExpired(1);
    const controller = new AbortController();
    const waits: number[] = [];
    const { code, stdout, stderr } = await here.coatcheck('clearsessions --watch 1h', {
      signal: controller.signal,
      wait: async (ms) => {
        waits.push(ms);
        if (waits.length === 3) controller.abort();
        else await storeExpired(waits.length);
      },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      'Removed 1 expired session.\nRemoved 1 expired session.\nRemoved 2 expired sessions.\n',
    );
    for (const ms of waits) expect(Math.abs(ms - 3_600_000)).toBeLessThanOrEqual(360_000);
    expect(new Set(waits).size).toBe(3);
  });

  it('draws a bar on a terminal, and removes it', async () => {
    await storeExpired(4);
    let stderr = '';
    const { stdout } = await here.coatcheck('clearsessions --batch 2', {
      isTerminal: true,
      now: steps(1000),
      stderr: (text) => {
        stderr += text;
      },
    });
    expect(stdout).toBe('Removed 4 expired sessions.\n');
    expect(stderr).toBe(
      `\r${'█'.repeat(15)}${'░'.repeat(15)} 50 %  removed 2 of 4\u001b[K` +
        `\r${'█'.repeat(30)} 100 %  removed 4 of 4\u001b[K\r\u001b[K`,
    );
  });

  it('writes a line now and then where there is no terminal', async () => {
    await storeExpired(4);
    const { stderr } = await here.coatcheck('clearsessions --batch 1', {
      now: steps(6000),
    });
    expect(stderr).toBe('removed 2\nremoved 4\n');
  });

  it.each([
    ...['--pause=1', '--pause=23d', '--watch=soon', '--watch=30d'],
    ...['--older-than=0d', '--where=guest', '--where==guest'],
  ])('refuses %s', async (option) => {
    const { code, stdout, stderr } = await here.coatcheck(`clearsessions ${option}`);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Option '[^\n]*' argument '[^\n]*' is invalid\. It must be [^\n]*\n$/);
  });

  it('says of an engine that keeps no times of saving what it cannot do', async () => {
    here.env = { ...here.env, SESSION_ENGINE: 'cache' };
    const { code, stdout, stderr } = await here.coatcheck('clearsessions --older-than 30d');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^A cache does not keep when a session was saved, [^\n]*\.\n$/);
  });
});

/** A clock that moves by so many milliseconds whenever it is looked at. */
function steps(ms: number): () => Date {
  let now = 1_700_000_000_000;
  return () => {
    now += ms;
    return new Date(now);
  };
}
