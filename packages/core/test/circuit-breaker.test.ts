import { CircuitBreaker } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';

/** A breaker, its clock, and what it has told. */
function create(failures?: number) {
  let ms = 5000;
  const told: unknown[] = [];
  const breaker = new CircuitBreaker<string>({
    failures,
    clock: () => ms,
    opened: (failure) => told.push(['opened', failure]),
    closed: (openMs) => told.push(['closed', openMs]),
  });
  const fail = (failure: string): void => breaker.failed(breaker.begin(), failure);
  const succeed = (): void => {
    breaker.begin();
    breaker.answered();
  };
  const advance = (by: number): void => {
    ms += by;
  };
  return { breaker, told, fail, succeed, advance };
}

describe('a circuit breaker', () => {
  it('opens at the fifth failure in a row', () => {
    const { breaker, told, fail, succeed } = create();
    for (const failure of ['1', '2', '3', '4']) fail(failure);
    succeed();
    for (const failure of ['1', '2', '3', '4']) fail(failure);
    expect([breaker.isOpen, breaker.admits, told]).toEqual([false, true, []]);
    fail('5');
    expect([breaker.isOpen, breaker.admits, told]).toEqual([true, false, [['opened', '5']]]);
  });

  it('lets one call through after 100 ms, and one each second after that', () => {
    const { breaker, told, fail, advance } = create();
    for (let i = 0; i < 5; i += 1) fail('down');
    const admitted: number[] = [];
    for (let ms = 0; ms < 4000; ms += 50) {
      if (breaker.admits) {
        admitted.push(ms);
        fail('still down');
      }
      advance(50);
    }
    expect(admitted).toEqual([100, 1100, 2100, 3100]);
    expect(told).toEqual([['opened', 'down']]);
  });

  it('closes at the first call that is answered, and says for how long it was open', () => {
    const { breaker, told, fail, succeed, advance } = create();
    for (let i = 0; i < 5; i += 1) fail('down');
    advance(1234);
    succeed();
    expect([breaker.isOpen, breaker.admits]).toEqual([false, true]);
    expect(told).toEqual([
      ['opened', 'down'],
      ['closed', 1234],
    ]);
    for (let i = 0; i < 4; i += 1) fail('down');
    expect(breaker.isOpen).toBe(false);
  });

  it('takes no call that began before it closed for a failure after that', () => {
    const { breaker, fail, succeed, advance } = create();
    const stragglers = Array.from({ length: 10 }, () => breaker.begin());
    for (let i = 0; i < 5; i += 1) fail('down');
    const late = breaker.begin();
    advance(1000);
    succeed();
    for (const era of [...stragglers, late]) breaker.failed(era, 'a second too late');
    expect(breaker.isOpen).toBe(false);
    for (let i = 0; i < 5; i += 1) fail('down again');
    expect(breaker.isOpen).toBe(true);
  });

  it('can open at the first failure', () => {
    const { breaker, fail } = create(1);
    fail('down');
    expect(breaker.isOpen).toBe(true);
  });
});
