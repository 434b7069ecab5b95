import { definePreferences, PreferenceError } from '@coatcheck/contrib/preferences';
import { createSessions } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { describe, expect, it } from '@jest/globals';

const preferences = definePreferences(
  {
    theme: 'light',
    language: 'en',
    newsletter: false,
    nickname: null as string | null,
    list: { itemsPerPage: 20, columns: ['name', 'price'], filter: { onlyNew: true } },
  },
  { choices: { theme: ['light', 'dark'] } },
);

function shop() {
  return createSessions<Record<string, unknown>>({
    backend: sqliteBackend({ path: ':memory:' }),
    secretKey: 'test-only:3kq8Zr!mP0vXy7Lw2Nc9Td5Hb',
  });
}

describe('definePreferences', () => {
  it('gives the defaults where nothing was chosen, and stores nothing', () => {
    const session = shop().open();
    expect(preferences.all(session).list.itemsPerPage).toBe(20);
    expect(preferences.get(session, 'list.filter.onlyNew')).toBe(true);
    expect(session.modified).toBe(false);
  });

  it('merges what was chosen into the defaults, at every depth, and stores only that', () => {
    const session = shop().open();
    preferences.set(session, 'theme', 'dark');
    preferences.set(session, 'list.filter.onlyNew', false);
    preferences.set(session, 'list', { itemsPerPage: 50 });
    preferences.set(session, 'list.columns', ['name']);
    preferences.set(session, 'nickname', 'Ada');
    expect(preferences.all(session)).toEqual({
      theme: 'dark',
      language: 'en',
      newsletter: false,
      nickname: 'Ada',
      list: { itemsPerPage: 50, columns: ['name'], filter: { onlyNew: false } },
    });
    expect(session.get('preferences')).toEqual({
      theme: 'dark',
      nickname: 'Ada',
      list: { itemsPerPage: 50, columns: ['name'], filter: { onlyNew: false } },
    });
  });

  it('forgets what is the default again, and the entry with the last difference', () => {
    const session = shop().open();
    preferences.set(session, 'list.itemsPerPage', 50);
    preferences.set(session, 'theme', 'dark');
    preferences.set(session, 'list.itemsPerPage', 20);
    expect(session.get('preferences')).toEqual({ theme: 'dark' });
    preferences.set(session, 'theme', 'light');
    expect(session.has('preferences')).toBe(false);
  });

  it('resets one, a group, or all of them', () => {
    const session = shop().open();
    const choose = () => {
      preferences.set(session, 'theme', 'dark');
      preferences.set(session, 'list', { itemsPerPage: 50, filter: { onlyNew: false } });
    };
    choose();
    preferences.reset(session, 'list.itemsPerPage');
    expect(session.get('preferences')).toEqual({
      theme: 'dark',
      list: { filter: { onlyNew: false } },
    });
    preferences.reset(session, 'list');
    expect(session.get('preferences')).toEqual({ theme: 'dark' });
    choose();
    preferences.reset(session);
    expect(session.has('preferences')).toBe(false);
  });

  it.each([
    ['colour', 'red', /^There is no preference "colour"\.$/],
    ['list.pages', 1, /^There is no preference "list\.pages"\.$/],
    ['theme.dark', 1, /^There is no preference "theme\.dark"\.$/],
    ['__proto__', {}, /^There is no preference "__proto__"\.$/],
    ['list.constructor.prototype', {}, /^There is no preference/],
    ['', 1, /^There is no preference ""\.$/],
    ['theme', 'pink', /^The preference "theme" is one of "light", "dark"\.$/],
    ['list.itemsPerPage', '50', /^The preference "list\.itemsPerPage" takes a number\.$/],
    ['list.itemsPerPage', Number.NaN, /takes a number/],
    ['newsletter', 1, /^The preference "newsletter" takes true or false\.$/],
    ['language', null, /^The preference "language" takes a text\.$/],
    ['list.columns', 'name', /takes a list/],
    ['list', 7, /^The preference "list" takes an object\.$/],
    ['list', { pages: 1 }, /^There is no preference "list\.pages"\.$/],
    ['list', { filter: { onlyNew: 'yes' } }, /"list\.filter\.onlyNew" takes true or false/],
  ])('refuses %j = %j, and changes nothing', (path, value, message) => {
    const session = shop().open();
    const set = () => preferences.set(session, path as 'theme', value as never);
    expect(set).toThrow(PreferenceError);
    expect(set).toThrow(message);
    expect(session.modified).toBe(false);
  });

  it('refuses an unknown path when reading and resetting', () => {
    const session = shop().open();
    expect(() => preferences.get(session, 'colour' as 'theme')).toThrow(PreferenceError);
    expect(() => preferences.reset(session, 'colour' as 'theme')).toThrow(PreferenceError);
  });

  it('checks paths and types when it is compiled', () => {
    const session = shop().open();
    const items: number = preferences.get(session, 'list.itemsPerPage');
    const columns: readonly string[] = preferences.get(session, 'list.columns');
    expect([items, columns]).toEqual([20, ['name', 'price']]);
    // @ts-expect-error: no such path
    expect(() => preferences.get(session, 'list.pages')).toThrow();
    // @ts-expect-error: a number
    expect(() => preferences.set(session, 'list.itemsPerPage', 'many')).toThrow();
  });

  it.each(['text', 7, null, [], { theme: 7, list: 'x' }, { gone: 1 }, { theme: 'pink' }])(
    'gives the defaults where the session holds %j',
    (stored) => {
      const session = shop().open();
      session.set('preferences', stored);
      expect(preferences.all(session)).toEqual(preferences.all(shop().open()));
    },
  );

  describe('with choices for a list', () => {
    const table = definePreferences(
      { columns: ['name', 'price'], sizes: [[1, 2]], marks: [] as { mark: string }[] },
      {
        choices: {
          columns: ['name', 'price', 'stock'],
          sizes: [
            [1, 2],
            [3, 4],
          ],
          marks: [{ mark: 'new' }],
        },
      },
    );

    it.each([
      ['columns', ['stock', 'name']],
      ['columns', []],
      ['sizes', [[3, 4]]],
      ['marks', [{ mark: 'new' }, { mark: 'new' }]],
    ] as const)('takes %s = %j, and reads it again', async (path, value) => {
      const sessions = shop();
      const session = sessions.open();
      table.set(session, path, value as never);
      await session.save();
      expect(table.get(sessions.open(session.sessionKey), path)).toEqual(value);
    });

    it.each([
      [
        'columns',
        ['name', 'weight'],
        'The preference "columns" is a list of "name", "price", "stock".',
      ],
      ['columns', 'name', 'The preference "columns" takes a list.'],
      ['sizes', [1, 2], 'The preference "sizes" is a list of [1,2], [3,4].'],
      ['marks', [{ mark: 'old' }], 'The preference "marks" is a list of {"mark":"new"}.'],
    ])('refuses %s = %j, and reads the default where it is stored', (path, value, message) => {
      const session = shop().open();
      expect(() => table.set(session, path as 'columns', value as never)).toThrow(
        expect.objectContaining({ name: 'PreferenceError', message }),
      );
      expect(session.modified).toBe(false);
      session.set('preferences', { [path]: value });
      expect(table.all(session)).toEqual(table.all(shop().open()));
    });
  });

  it('keeps what two tabs choose at the same moment', async () => {
    const sessions = shop();
    const first = sessions.open();
    first.set('seen', true);
    await first.save();
    const [one, two] = [sessions.open(first.sessionKey), sessions.open(first.sessionKey)];
    await Promise.all([one.load(), two.load()]);
    preferences.set(one, 'theme', 'dark');
    preferences.set(two, 'list.itemsPerPage', 50);
    await Promise.all([one.save(), two.save()]);
    const after = sessions.open(first.sessionKey);
    expect(after.get('preferences')).toEqual({ theme: 'dark', list: { itemsPerPage: 50 } });
  });

  it('hands out copies, so that nobody changes the defaults', () => {
    const session = shop().open();
    (preferences.all(session).list.columns as string[]).push('x');
    expect(preferences.get(session, 'list.columns')).toEqual(['name', 'price']);
    expect(session.modified).toBe(false);
  });

  it('has an entry of its own on request', () => {
    const session = shop().open();
    definePreferences({ a: 1 }, { entry: 'admin' }).set(session, 'a', 2);
    expect(session.keys()).toEqual(['admin']);
  });

  it('refuses declarations that cannot work', () => {
    expect(() => definePreferences({ 'a.b': 1 })).toThrow('has no dot');
    expect(() => definePreferences({ a: undefined as never })).toThrow(
      '"a" is nothing that JSON has',
    );
    expect(() => definePreferences({ a: 1 }, { choices: { b: [1] } as never })).toThrow(
      'There is no preference "b".',
    );
    expect(() => definePreferences({ a: { b: 1 } }, { choices: { a: [{ b: 1 }] } })).toThrow(
      '"a" is a group; its members can have choices.',
    );
    expect(() => definePreferences({ a: 'x' }, { choices: { a: ['y', 'z'] } })).toThrow(
      'The preference "a" is one of "y", "z". Its default is not.',
    );
    expect(() => definePreferences({ a: ['x'] }, { choices: { a: ['y'] } })).toThrow(
      'The preference "a" is a list of "y". Its default is not.',
    );
    expect(() => definePreferences({ a: [Number.NaN] })).toThrow('"a" is nothing that JSON has');
  });
});
