import { LeakWatch } from './leak-watch.ts';
import { Site } from './site.ts';
import type { SiteReport, SiteSettings } from './site-settings.ts';

/** Several processes of one application. */
export class Fleet {
  readonly sites: readonly Site[];
  readonly watch: LeakWatch;

  constructor(settings: SiteSettings, processes: number, watch: LeakWatch = new LeakWatch()) {
    this.watch = watch;
    this.sites = Array.from({ length: processes }, () => new Site(settings, watch));
  }

  async start(): Promise<void> {
    await Promise.all(this.sites.map((site) => site.start()));
  }

  /** The process that a client of this number talks to. */
  site(number: number): Site {
    return this.sites[number % this.sites.length] as Site;
  }

  reports(): Promise<SiteReport[]> {
    return Promise.all(this.sites.map((site) => site.report()));
  }

  /** Ends all processes; their exit codes. */
  stop(): Promise<(number | null)[]> {
    return Promise.all(this.sites.map((site) => site.stop()));
  }
}
