import type { Django } from '@coatcheck/test-support';
import { describeExpiries } from './expiry-flows.ts';
import { describeFlows } from './flows.ts';
import type { Limits } from './limits.ts';
import { describeSites, type SharedPlace } from './sites.ts';

const NEW_YORK = 'America/New_York';

/** Django with time zones, and one whose dates are local. */
export const zones: readonly Zone[] = [
  { title: 'with USE_TZ', django: { USE_TZ: true, TIME_ZONE: NEW_YORK }, coatcheck: {} },
  {
    title: 'without USE_TZ, in New York',
    django: { USE_TZ: false, TIME_ZONE: NEW_YORK },
    coatcheck: { timeZone: NEW_YORK },
  },
];

/** How both halves write dates. */
interface Zone {
  readonly title: string;
  readonly django: Readonly<Record<string, unknown>>;
  readonly coatcheck: { readonly timeZone?: string };
}

/** Everything that a visitor does, and once more what depends on dates, where Django's are local. */
export function describeFlowsInZones(
  django: Django,
  open: (directory: string) => SharedPlace | Promise<SharedPlace>,
  limits: Limits,
): void {
  for (const zone of zones) {
    const openInZone = async (directory: string): Promise<SharedPlace> => {
      const place = await open(directory);
      return {
        ...place,
        django: { ...place.django, ...zone.django },
        coatcheck: { ...place.coatcheck, ...zone.coatcheck },
      };
    };
    describeSites(zone.title, django, openInZone, (sites) => {
      if (zone === zones[0]) describeFlows(sites, limits);
      else describeExpiries(sites, limits);
    });
  }
}
