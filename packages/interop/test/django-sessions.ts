import { fileURLToPath } from 'node:url';
import { type Django, type PythonProcess, startPython } from '@coatcheck/test-support';
import { SECRET_KEY, type SharedPlace } from './sites.ts';

const script = fileURLToPath(new URL('django_sessions.py', import.meta.url));

/** Django's sessions in the place, without a site around them: the functions of `django_sessions.py`. */
export async function startDjangoSessions(
  django: Django,
  place: SharedPlace,
): Promise<PythonProcess> {
  const { DATABASES, ...settings } = place.django;
  const { sessions } = Object(DATABASES);
  const python = startPython(django, script, {
    // As Django itself sets it where its settings are a module.
    env: { TZ: String(settings.TIME_ZONE ?? 'UTC') },
    args: [
      JSON.stringify({
        SECRET_KEY,
        INSTALLED_APPS: ['django.contrib.sessions'],
        ...settings,
        ...(sessions && { DATABASES: { default: sessions } }),
      }),
    ],
  });
  if (sessions) await python.call('migrate');
  return python;
}
