import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeDjangos, findProgram, PrivateServer } from '@coatcheck/test-support';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Browser } from './browser.ts';
import { blockOf } from './django-page.ts';
import { sqlitePlace } from './places.ts';
import { describeSites, type Site, type Sites } from './sites.ts';

const nginx = findProgram('nginx', '/usr/sbin/nginx');

describeDjangos({ describe, it }, 'one site behind the proxy of the page on Django', (django) => {
  if (nginx === undefined) {
    it.skip('is that of a Django and of Koa (apt-get install nginx-light)', () => {});
    return;
  }
  describeSites('on SQLite', django, sqlitePlace, (sites) => {
    let proxy: PrivateServer;
    let site: Site;
    beforeAll(async () => {
      proxy = new PrivateServer({
        prepare: async () => {},
        command: (directory, port) => {
          writeFileSync(path.join(directory, 'nginx.conf'), configuration(sites(), port));
          return [nginx, '-p', directory, '-c', 'nginx.conf', '-e', 'stderr'];
        },
        ready: 'using the "epoll" event method',
        url: (port) => `http://127.0.0.1:${port}`,
        account: 'www-data',
      });
      site = { ...sites().Koa, url: await proxy.start() };
    });
    afterAll(() => proxy?.stop());

    it('has one login and one cart, though the paths are of two', async () => {
      const user = await sites().addUser();
      const browser = new Browser();
      expect((await browser.post(site, '/login', user)).json()).toEqual({ user: user.username });
      await browser.post(site, '/cart', { item: 'coat' });
      expect((await browser.get(site, '/user')).json()).toEqual({ user: user.username });
      expect((await browser.get(site, '/session')).json()).toMatchObject({ cart: ['coat'] });
      await browser.post(site, '/logout', {});
      expect((await browser.get(site, '/user')).json()).toEqual({ user: null });
      expect((await browser.get(site, '/cart')).json()).toEqual({ cart: [] });
    });

    it('sends each path to its half', async () => {
      const halves = ['/session', '/messages', '/cart', '/user'].map(async (page) => {
        const { headers } = await fetch(site.url + page);
        return headers.get('content-type');
      });
      // Koa names the character set of JSON.
      const [django, koa] = ['application/json', 'application/json; charset=utf-8'];
      expect(await Promise.all(halves)).toEqual([django, django, koa, koa]);
    });

    it('is the origin of its own forms', async () => {
      const browser = new Browser();
      const { token } = (await browser.get(site, '/form')).json();
      const headers = { 'X-CSRFToken': token, Origin: site.url };
      expect((await browser.post(site, '/form', {}, headers)).status).toBe(200);
    });
  });
});

/** The page's configuration, with ports that are free, as the whole of a server's. */
function configuration({ Django, Koa }: Sites, port: number): string {
  const block = blockOf('One route at a time', 'nginx')
    .replace('127.0.0.1:8000', new URL(Django.url).host)
    .replace('127.0.0.1:3000', new URL(Koa.url).host)
    .replace('listen 80', `listen 127.0.0.1:${port}`);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${name};`,
  );
  return `
    daemon off;
    master_process off;
    pid nginx.pid;
    error_log stderr notice;
    events {}
    http {
      access_log off;
      ${temporary.join(' ')}
      ${block}
    }
  `;
}
