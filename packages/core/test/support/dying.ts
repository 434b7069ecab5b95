import type { SessionBackend } from '@coatcheck/core';

/** The place as a process sees it that dies before (or after) its nth call of this kind. */
export function dying<Backend extends SessionBackend>(
  place: Backend,
  operation: string,
  moment: 'before' | 'after',
): Backend {
  const dead = new Error('This process is dead.');
  let isDead = false;
  const call = async (name: keyof SessionBackend, args: unknown[]): Promise<unknown> => {
    const fatal = name === operation;
    if (isDead || (fatal && moment === 'before')) {
      isDead = true;
      throw dead;
    }
    const answer = await (place[name] as (...all: unknown[]) => unknown)(...args);
    if (!fatal) return answer;
    isDead = true;
    throw dead;
  };
  return new Proxy(place, {
    get: (target, name) =>
      ['load', 'create', 'update', 'touch', 'delete'].includes(String(name))
        ? (...args: unknown[]) => call(name as keyof SessionBackend, args)
        : Reflect.get(target, name, target),
  });
}
