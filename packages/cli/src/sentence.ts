/** One line that begins with a capital, unless that is the name of a setting, and ends with a full stop. */
export function sentence(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  const end = /[.!?]$/.test(line) ? '' : '.';
  const start = /^[a-z]\w*[.A-Z]/.test(line) ? line : line.charAt(0).toUpperCase() + line.slice(1);
  return `${start}${end}\n`;
}
