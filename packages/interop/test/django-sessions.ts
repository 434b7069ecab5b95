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
  const database = sessions && {
    INSTALLED_APPS: ['django.contrib.sessions'],
    DATABASES: { default: sessions },
  };
  const python = startPython(django, script, {
    args: [JSON.stringify({ SECRET_KEY, ...settings, ...database })],
  });
  if (database) await python.call('migrate');
  return python;
}
