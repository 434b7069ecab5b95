import type { JSX } from 'preact';
import type { Product } from '../products.ts';

const paths: Readonly<Record<Product['picture'], readonly string[]>> = {
  coat: [
    'M38 16 26 24 14 62l10 4 6-18v36h40V48l6 18 10-4-12-38-12-8-12 10z',
    'M50 26v58M42 44h0M42 58h0M58 44h0M58 58h0',
  ],
  scarf: [
    'M30 20c14 8 26 8 40 0l4 14c-16 10-32 10-48 0z',
    'M54 38h16l4 46H58zM58 84v6M63 84v6M68 84v6M73 84v6',
  ],
  hat: ['M30 58c0-26 6-34 20-34s20 8 20 34z', 'M10 62c16-8 64-8 80 0-12 12-68 12-80 0zM31 50h38'],
  umbrella: [
    'M12 50c2-22 18-34 38-34s36 12 38 34c-6-6-13-6-19 0-6-6-13-6-19 0-6-6-13-6-19 0-6-6-13-6-19 0z',
    'M50 50v28c0 10-14 10-14 0',
  ],
  gloves: [
    'M14 82h24V60l8-8c4-5-2-10-6-6l-2 2V34c0-16-24-16-24 0zM14 72h24',
    'M86 82H62V60l-8-8c-4-5 2-10 6-6l2 2V34c0-16 24-16 24 0zM86 72H62',
  ],
  boots: ['M34 14h26v42l24 10c4 2 4 14 4 18H34z', 'M34 76h54M34 28h26'],
};

/** A line drawing; decoration, since the product's name stands beside it. */
export function Picture({ of }: { of: Product['picture'] }): JSX.Element {
  return (
    <svg class="picture" viewBox="0 0 100 100" aria-hidden="true" focusable="false">
      {paths[of].map((path) => (
        <path key={path} d={path} />
      ))}
    </svg>
  );
}
