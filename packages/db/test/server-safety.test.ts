import { describe, expect, it } from '@jest/globals';
import { mysqlSafety, postgresqlSafety } from '../src/server-safety.ts';

// Settings that belong to the whole server, which other tests share.
describe('postgresqlSafety', () => {
  const safe = { commits: 'on', fsync: 'on', pages: 'on', persistence: 'p', standbys: '0' };
  const { findings } = postgresqlSafety('django_session');

  it.each([
    [{}, 'safe', /synchronous_commit is on/],
    [{ commits: 'off' }, 'unsafe', /synchronous_commit is off: a crash loses/],
    [{ pages: 'off' }, 'unsafe', /full_page_writes is off/],
    [{ persistence: null }, 'safe', /on disk/],
  ])('judges %j', (row, level, message) => {
    expect(findings({ ...safe, ...row })).toEqual([
      { level, about: 'PostgreSQL durability', message: expect.stringMatching(message) },
    ]);
  });

  it('tells what standbys mean', () => {
    expect(findings({ ...safe, standbys: '2' })[1]).toMatchObject({
      level: 'notice',
      about: 'PostgreSQL standbys',
    });
  });
});

describe('mysqlSafety', () => {
  const safe = { flush: 1, binlog: 0, logged: 0, doublewrite: 1, engine: 'InnoDB' };
  const { findings } = mysqlSafety('django_session');

  it.each([
    [{}, ['safe']],
    [{ doublewrite: 'OFF' }, ['unsafe']],
    [{ engine: null }, ['safe']],
    [{ logged: 'ON' }, ['safe', 'notice']],
    [{ logged: 1, binlog: 1 }, ['safe']],
  ])('judges %j', (row, levels) => {
    expect(findings({ ...safe, ...row }).map(({ level }) => level)).toEqual(levels);
  });
});
