import { inspect } from 'node:util';
import { createSessions } from '@coatcheck/core';
import { instrumentSessions } from '@coatcheck/opentelemetry';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { createClock } from '../../core/test/support/clock.ts';
import { MemoryBackend } from '../../core/test/support/memory-backend.ts';
import { type Entries, SECRET_KEY } from '../../core/test/support/sqlite-sessions.ts';

const CANARY = 'canary-7Qz2-do-not-show';

let spans: InMemorySpanExporter;
let metrics: InMemoryMetricExporter;
let meterProvider: MeterProvider;
let tracerProvider: BasicTracerProvider;
let stop: () => void;

beforeEach(() => {
  spans = new InMemorySpanExporter();
  tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metrics });
  meterProvider = new MeterProvider({ readers: [reader] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  stop = instrumentSessions({ meterProvider, tracerProvider });
});
afterEach(async () => {
  jest.restoreAllMocks();
  stop();
  context.disable();
  await meterProvider.shutdown();
  await tracerProvider.shutdown();
});

/** The points of a metric as attributes and value, from the newest export. */
async function pointsOf(name: string) {
  await meterProvider.forceFlush();
  const { scopeMetrics } = metrics.getMetrics().at(-1) ?? { scopeMetrics: [] };
  const found = scopeMetrics.flatMap(({ metrics: all }) => all);
  const metric = found.find(({ descriptor }) => descriptor.name === name);
  return (metric?.dataPoints ?? []).map(({ attributes, value }) => ({ ...attributes, value }));
}

async function createPlace(answers: 'synchronously' | 'later' = 'later') {
  const { now } = createClock();
  const backend = new MemoryBackend({ now, answers });
  const options = { backend, secretKey: SECRET_KEY, now, operationTimeoutMs: 10_000 };
  const sessions = createSessions<Entries>(options);
  const session = sessions.open();
  session.set('a', CANARY);
  await session.save();
  return { backend, sessions, key: String(session.sessionKey) };
}

describe('metrics', () => {
  it('count events by name and reason', async () => {
    const { backend, sessions, key } = await createPlace();
    const stores = ['b', 'c', 'd'].map((name) => ({ name, session: sessions.open(key) }));
    await Promise.all(stores.map(({ session }) => session.load()));
    for (const { name, session } of stores) session.set(name, 1);
    // The second and the third wait for the first, and share a write.
    await Promise.all(stores.map(({ session }) => session.save()));
    await sessions.open('u'.repeat(32)).load();
    backend.before = () => {
      throw new Error('down');
    };
    await sessions.exists(key).catch(() => {});
    const points = await pointsOf('coatcheck.events');
    expect(points).toEqual(
      expect.arrayContaining([
        { event: 'created', value: 1 },
        { event: 'saved', value: 2 },
        { event: 'merged', value: 1 },
        { event: 'rejected', reason: 'unknown', value: 1 },
        { event: 'unavailable', reason: 'failed', operation: 'load', value: 1 },
      ]),
    );
    expect(points).toHaveLength(5);
    expect(await pointsOf('coatcheck.merge.commits')).toMatchObject([
      { value: { count: 1, sum: 2 } },
    ]);
    expect(await pointsOf('coatcheck.merge.attempts')).toMatchObject([
      { value: { count: 1, sum: 1 } },
    ]);
  });

  it.each(['synchronously', 'later'] as const)(
    'measure how long each call takes of a backend that answers %s',
    async (answers) => {
      const { backend, sessions, key } = await createPlace(answers);
      let ms = 1000;
      jest.spyOn(performance, 'now').mockImplementation(() => ms);
      backend.before = () => {
        ms += 50;
      };
      await sessions.open(key).load();
      backend.before = () => {
        ms += 200;
        throw new Error('down');
      };
      await sessions.exists(key).catch(() => {});
      const points = await pointsOf('coatcheck.backend.operation.duration');
      const about = { operation: 'load', backend: 'MemoryBackend' };
      expect(points).toEqual([
        expect.objectContaining({ operation: 'create' }),
        { ...about, value: expect.objectContaining({ count: 1, sum: 0.05 }) },
        {
          ...about,
          'error.type': 'BackendUnavailable',
          value: expect.objectContaining({ count: 1, sum: 0.2 }),
        },
      ]);
    },
  );

  it('show the circuit breakers that are open', async () => {
    const { backend, sessions, key } = await createPlace();
    let ms = 1000;
    jest.spyOn(performance, 'now').mockImplementation(() => ms);
    const gauge = () => pointsOf('coatcheck.breakers.open');
    expect(await gauge()).toEqual([
      { affects: 'all', value: 0 },
      { affects: 'writes', value: 0 },
    ]);
    backend.before = () => {
      throw new Error('down');
    };
    for (let i = 0; i < 6; i += 1) await sessions.exists(key).catch(() => {});
    expect(await gauge()).toContainEqual({ affects: 'all', value: 1 });
    backend.before = () => {};
    ms += 1000;
    expect(await sessions.exists(key)).toBe(true);
    expect(await gauge()).toContainEqual({ affects: 'all', value: 0 });
    expect(await pointsOf('coatcheck.events')).toEqual(
      expect.arrayContaining([
        { event: 'breakerOpened', reason: 'failed', affects: 'all', value: 1 },
        { event: 'breakerClosed', affects: 'all', value: 1 },
        { event: 'unavailable', reason: 'breaker open', operation: 'load', value: 1 },
      ]),
    );
  });
});

describe('spans', () => {
  it('are those of the calls, inside the active span', async () => {
    const { sessions, key } = await createPlace();
    spans.reset();
    const tracer = tracerProvider.getTracer('the application');
    const parent = tracer.startSpan('request');
    await context.with(trace.setSpan(context.active(), parent), async () => {
      const session = sessions.open(key);
      await session.load();
      session.set('a', 2);
      await session.save();
    });
    parent.end();
    const found = spans.getFinishedSpans();
    expect(found.map(({ name }) => name)).toEqual(['session load', 'session update', 'request']);
    for (const span of found.slice(0, 2)) {
      expect(span.parentSpanContext?.spanId).toBe(parent.spanContext().spanId);
      expect(span.attributes).toMatchObject({
        'coatcheck.backend': 'MemoryBackend',
        'coatcheck.session': sessions.events.digest(key),
      });
    }
  });

  it('tell errors from answers', async () => {
    const { backend, sessions, key } = await createPlace();
    const session = sessions.open(key);
    await session.load();
    backend.records.clear();
    session.set('a', 2);
    await session.save().catch(() => {});
    const [gone] = spans.getFinishedSpans().slice(-1);
    expect(gone).toMatchObject({
      name: 'session update',
      attributes: { 'error.type': 'UpdateError' },
      status: { code: SpanStatusCode.UNSET },
    });
    backend.before = () => {
      throw new Error('down');
    };
    await sessions.exists(key).catch(() => {});
    const [failed] = spans.getFinishedSpans().slice(-1);
    expect(failed).toMatchObject({
      name: 'session load',
      attributes: { 'error.type': 'BackendUnavailable' },
      status: { code: SpanStatusCode.ERROR },
      events: [{ name: 'exception' }],
    });
  });
});

describe('what is exported', () => {
  it('has neither keys nor data, whatever failed', async () => {
    const { backend, sessions, key } = await createPlace();
    const data = String(backend.records.get(key)?.data);
    backend.before = (operation, backendKey) => {
      throw new Error(`${operation} of ${backendKey}, which has ${data}`);
    };
    await sessions.exists(key).catch(() => {});
    const session = sessions.open();
    session.set('a', CANARY);
    await session.save().catch(() => {});
    await meterProvider.forceFlush();
    const shown = inspect([spans.getFinishedSpans(), metrics.getMetrics()], { depth: Infinity });
    expect(shown).toContain('which has [data]');
    for (const secret of [key, data, CANARY]) expect(shown).not.toContain(secret);
  });

  it('is nothing any more after the end', async () => {
    stop();
    spans.reset();
    await createPlace();
    expect(spans.getFinishedSpans()).toEqual([]);
    expect(await pointsOf('coatcheck.events')).toEqual([]);
  });
});
