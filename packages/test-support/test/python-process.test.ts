import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describeDjangos, type PythonProcess, startPython } from '@coatcheck/test-support';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const script = fileURLToPath(new URL('answers.py', import.meta.url));

describeDjangos({ describe, it }, 'a Python script', (django) => {
  let python: PythonProcess;
  beforeAll(() => {
    python = startPython(django, script, { args: ['first'], env: { NAMED: 'by a test' } });
  });
  afterAll(() => python.stop());

  it('runs this Django', async () => {
    expect(await python.call('django_version')).toBe(django.version);
  });

  it('gets its arguments and variables', async () => {
    expect(await python.call('argument', { index: 1 })).toBe('first');
    expect(await python.call('variable', { name: 'NAMED' })).toBe('by a test');
  });

  it('gives back every text as it is, whatever it prints', async () => {
    for (const text of ['', '"\\\n\r\u2028\u0000\u007f', 'Grüße 🧥', '\ud800', '1.0']) {
      expect(await python.call('same', { text })).toBe(text);
    }
    expect(await python.call('kind', { text: '[1.0,1e16,NaN]' })).toBe('[1.0, 1e+16, nan]');
  });

  it('answers calls in their order', async () => {
    const texts = Array.from({ length: 100 }, (_, i) => String(i));
    const answers = await Promise.all(texts.map((text) => python.call('same', { text })));
    expect(answers).toEqual(texts);
  });

  it('hands over what a function raises, and goes on', async () => {
    await expect(python.call('fail')).rejects.toThrow('LookupError: nothing here');
    await expect(python.call('unknown')).rejects.toThrow("KeyError: 'unknown'");
    expect(await python.call('same', { text: 'still here' })).toBe('still here');
  });

  it('refuses calls once it has ended, and says what it wrote', async () => {
    const other = startPython(django, script);
    const calls = [other.call('leave', { code: 3 }), other.call('same', { text: 'too late' })];
    for (const call of calls) await expect(call).rejects.toThrow(/ended \(3\) with: the reason/);
    await expect(other.call('same', { text: 'later' })).rejects.toThrow('ended (3)');
    await other.stop();
  });

  it('leaves nothing compiled among the sources', () => {
    expect(existsSync(new URL('../python/__pycache__', import.meta.url))).toBe(false);
  });
});

describe('a Python that is not there', () => {
  it('refuses calls', async () => {
    const python = startPython(
      { version: '0', python: '/nonexistent/python', env: {}, has: new Set() },
      script,
    );
    await expect(python.call('same', { text: '' })).rejects.toThrow('ENOENT');
  });
});
