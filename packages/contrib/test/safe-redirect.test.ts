import { describe, expect, it } from '@jest/globals';
import { isSafeRedirect, safeNext, urlOfLogin } from '../src/auth.ts';
import { randomUrls } from './random-urls.ts';

const allowedHosts = ['testserver', 'testserver2'];

// The tables are those of Django's URLHasAllowedHostAndSchemeTests.
describe('isSafeRedirect', () => {
  it.each([
    'http://example.com',
    'http:///example.com',
    'https://example.com',
    'ftp://example.com',
    String.raw`\\example.com`,
    String.raw`\\\example.com`,
    String.raw`/\\/example.com`,
    String.raw`\\//example.com`,
    String.raw`/\/example.com`,
    String.raw`\/example.com`,
    String.raw`/\example.com`,
    '///example.com',
    '////example.com',
    String.raw`http:/\//example.com`,
    String.raw`http:\/example.com`,
    String.raw`http:/\example.com`,
    'javascript:alert("XSS")',
    '\njavascript:alert(x)',
    'java\nscript:alert(x)',
    '\u0008//example.com',
    String.raw`http://otherserver\@example.com`,
    String.raw`http:\\testserver\@example.com`,
    String.raw`http://testserver\me:pass@example.com`,
    String.raw`http://testserver\@example.com`,
    String.raw`http:\\testserver\confirm\me@example.com`,
    'http:999999999',
    'ftp:9999999999',
    '\n',
    'http://[2001:cdba:0000:0000:0000:0000:3257:9652/',
    'http://2001:cdba:0000:0000:0000:0000:3257:9652]/',
  ])('test_bad_urls: %j', (url) => {
    expect(isSafeRedirect(url, { allowedHosts })).toBe(false);
  });

  it.each([
    '/view/?param=http://example.com',
    '/view/?param=https://example.com',
    '/view?param=ftp://example.com',
    'view/?param=//example.com',
    'https://testserver/',
    'HTTPS://testserver/',
    '//testserver/',
    'http://testserver/confirm?email=me@example.com',
    '/url%20with%20spaces/',
    'path/http:2222222222',
  ])('test_good_urls: %j', (url) => {
    expect(isSafeRedirect(url, { allowedHosts })).toBe(true);
  });

  it('test_basic_auth', () => {
    const withAccount = { allowedHosts: ['user:pass@testserver'] };
    expect(isSafeRedirect('http://user:pass@testserver/', withAccount)).toBe(true);
    expect(isSafeRedirect('http://user:pass@testserver/', { allowedHosts })).toBe(false);
  });

  it('test_no_allowed_hosts', () => {
    expect(isSafeRedirect('/confirm/me@example.com')).toBe(true);
    expect(isSafeRedirect(String.raw`http://testserver\@example.com`)).toBe(false);
    expect(isSafeRedirect('//testserver/')).toBe(false);
  });

  it('test_allowed_hosts_str', () => {
    expect(isSafeRedirect('http://good.com/good', { allowedHosts: 'good.com' })).toBe(true);
    expect(isSafeRedirect('http://good.co/evil', { allowedHosts: 'good.com' })).toBe(false);
  });

  it.each([
    ['https://example.com/p', true],
    ['HTTPS://example.com/p', true],
    ['/view/?param=http://example.com', true],
    ['http://example.com/p', false],
    ['ftp://example.com/p', false],
    ['//example.com/p', false],
  ])('test_secure_param_https_urls, test_secure_param_non_https_urls: %j is %p', (url, isSafe) => {
    const options = { allowedHosts: 'example.com', requireHttps: true };
    expect(isSafeRedirect(url, options)).toBe(isSafe);
  });

  it('test_max_url_length', () => {
    const path = `example.com/${'é'.repeat(2048 - 12)}`;
    expect(isSafeRedirect(path, { allowedHosts: 'example.com' })).toBe(true);
    expect(isSafeRedirect(`${path}é`, { allowedHosts: 'example.com' })).toBe(false);
  });

  it.each([
    ['a tab within', '/\t/example.com'],
    ['a line feed within', '/\n/example.com'],
    ['an escape in front', '\u001b//example.com'],
    ['a zero-width space in front', '\u200b//example.com'],
    ['a right-to-left mark in front', '\u200f/path'],
    ['a byte order mark in front', '\ufeff//example.com'],
    ['half a character', '/\ud800'],
    ['a full stop that is one only to browsers', '//example。com/'],
    ['a host that only browsers read as an address', '//0x7f.1/'],
    ['a host in other letters', '//ｅxample.com'],
    ['data', 'data:text/html,x'],
    ['a port that nobody allowed', '//testserver:8080/'],
    ['a host that ends like an allowed one', '//eviltestserver/'],
    ['a host that begins like an allowed one', '//testserver.example.com/'],
    ['an account before the host', '//x@testserver/'],
  ])('refuses %s', (_, url) => {
    expect(isSafeRedirect(url, { allowedHosts })).toBe(false);
  });

  it.each([[undefined], [null], [1], [['/a', '/b']], [{ toString: () => '/a' }], [''], [' ']])(
    'refuses what is no text, or an empty one: %p',
    (url) => {
      expect(isSafeRedirect(url)).toBe(false);
    },
  );

  it('leads nowhere else in any browser, in 50,000 random cases', () => {
    const pages = ['https://shop.example/a/b?c', 'http://shop.example/', 'https://shop.example'];
    const elsewhere: string[] = [];
    let safe = 0;
    for (const url of randomUrls(50_000, 1)) {
      if (!isSafeRedirect(url, { allowedHosts: 'shop.example' })) continue;
      safe += 1;
      for (const page of pages) {
        const { host, protocol } = new URL(url, page);
        if (host !== 'shop.example' || !/^https?:$/.test(protocol)) elsewhere.push(url);
      }
    }
    expect(elsewhere).toEqual([]);
    expect(safe).toBeGreaterThan(1000);
  });
});

describe('safeNext', () => {
  it('is what the visitor asked for where that is safe, else the fallback', () => {
    expect(safeNext('/orders?page=2')).toBe('/orders?page=2');
    expect(safeNext(' /orders ')).toBe('/orders');
    expect(safeNext('//example.com')).toBe('/');
    expect(safeNext(undefined, { fallback: '/home' })).toBe('/home');
    expect(safeNext(['/a', '//example.com'], { fallback: '/home' })).toBe('/home');
    const options = { allowedHosts: ['example.com'], fallback: '/home' };
    expect(safeNext('//example.com', options)).toBe('//example.com');
  });
});

describe('urlOfLogin', () => {
  it('carries the page to come back to, as Django writes it', () => {
    expect(urlOfLogin('/orders/?page=2&x=ä')).toBe('/login?next=/orders/%3Fpage%3D2%26x%3D%C3%A4');
    expect(urlOfLogin('/a', '/in?lang=de#form')).toBe('/in?lang=de&next=/a#form');
    expect(urlOfLogin('/a', '/in?next=/old', 'next')).toBe('/in?next=/a');
    expect(urlOfLogin('/a', 'https://login.example/in', 'to')).toBe(
      'https://login.example/in?to=/a',
    );
  });

  it('comes back to that page', () => {
    const next = '/orders/?q=50%25+x#top';
    const { searchParams } = new URL(urlOfLogin(next), 'https://shop.example');
    expect(safeNext(searchParams.get('next'))).toBe(next);
  });
});
