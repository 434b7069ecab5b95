/** Rows as text: columns of one width, two spaces between them; numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = new Map<number, number>();
  for (const row of rows) {
    for (const [i, cell] of row.entries()) {
      widths.set(i, Math.max(widths.get(i) ?? 0, String(cell).length));
    }
  }
  return rows.map((row) =>
    row
      .map((cell, i) =>
        typeof cell === 'number'
          ? String(cell).padStart(widths.get(i) ?? 0)
          : cell.padEnd(widths.get(i) ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

const BAR_WIDTH = 40;

/** A bar for each row, the longest for the greatest number. */
export function bars(rows: readonly (readonly [label: string, count: number])[]): string[] {
  const greatest = Math.max(1, ...rows.map(([, count]) => count));
  return table(
    rows.map(([label, count]) => {
      const width = Math.round((count / greatest) * BAR_WIDTH);
      // What is there shows.
      return [label, count, '█'.repeat(count > 0 ? Math.max(1, width) : 0)];
    }),
  );
}
