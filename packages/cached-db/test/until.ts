/** Waits until it is so. @throws {Error} after ten seconds */
export async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  const start = performance.now();
  while (!(await isSo())) {
    if (performance.now() - start > 10_000) throw new Error('It did not come to that in time.');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
