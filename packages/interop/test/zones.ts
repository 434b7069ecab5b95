import type { Django } from '@coatcheck/test-support';
import { describeSites, type SharedPlace, type Sites } from './sites.ts';

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

/** Both halves on the place, with either kind of dates. */
export function describeZones(
  django: Django,
  open: (directory: string) => SharedPlace | Promise<SharedPlace>,
  define: (sites: () => Sites) => void,
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
    describeSites(zone.title, django, openInZone, define);
  }
}
