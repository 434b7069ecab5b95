import type { JSX } from 'preact';
import type { PictureName } from '../products.ts';

/** Paths by what they are: cloth that is filled, cloth in the second tone, and seams. */
interface Drawing {
  readonly cloth: string;
  readonly trim?: string;
  readonly seams: string;
}

const drawings: Readonly<Record<PictureName, Drawing>> = {
  coat: {
    cloth: 'M38 14 24 22 13 62l11 4 6-20v42h40V46l6 20 11-4-11-40-14-8-12 12z',
    trim: 'M38 14 50 26 40 42zM62 14 50 26l10 16z',
    seams: 'M50 26v62M56 50h.01M56 62h.01M36 66h8M64 66h-4',
  },
  scarf: {
    cloth:
      'M56 46 44 84l15 4 13-36zM42 48l-8 30 14 4 8-30zM22 28c0-16 56-16 56 0v10c0 18-56 18-56 0z',
    trim: 'M30 28c4-7 36-7 40 0-4 8-36 8-40 0zM48 71l15 4-4 13-15-4z',
    seams: 'M28 40c10 8 34 8 44 0M45 88l-1 5M51 89l-1 6M57 91l-1 5M34 78l-1 5M40 80l-1 5',
  },
  hat: {
    cloth: 'M29 58c0-26 5-36 14-36 4 0 5 3 7 3s3-3 7-3c9 0 14 10 14 36z',
    trim: 'M29 48h42l1 11H28z',
    seams: 'M9 62c16-9 66-9 82 0-10 14-72 14-82 0z',
  },
  umbrella: {
    cloth:
      'M12 52c2-22 18-36 38-36s36 14 38 36c-6-6-13-6-19 0-6-6-13-6-19 0-6-6-13-6-19 0-6-6-13-6-19 0z',
    trim: 'M50 16c-10 8-18 20-19 36 6-6 13-6 19 0 6-6 13-6 19 0-1-16-9-28-19-36z',
    seams: 'M50 10v6M50 52v28c0 10-14 10-14 0',
  },
  gloves: {
    cloth:
      'M14 86V34c0-14 22-14 22 0v18l3-4c4-5 11 0 8 6l-9 14v18zM86 86V34c0-14-22-14-22 0v18l-3-4c-4-5-11 0-8 6l9 14v18z',
    trim: 'M12 74h28v12H12zM60 74h28v12H60z',
    seams: 'M22 44v12M29 44v12M71 44v12M78 44v12',
  },
  boots: {
    cloth: 'M32 12h28v42l24 10c5 2 6 8 6 14H32z',
    trim: 'M30 78h62v8H30zM32 12h28v12H32z',
    seams: 'M46 34v16M60 54c-6 1-9 4-10 9',
  },
  satchel: {
    cloth: 'M16 38h68v42a6 6 0 0 1-6 6H22a6 6 0 0 1-6-6z',
    trim: 'M16 34a6 6 0 0 1 6-6h56a6 6 0 0 1 6 6v14c0 10-16 16-34 16S16 58 16 48z',
    seams: 'M30 28c0-24 40-24 40 0M44 60h12v10H44z',
  },
  'bow-tie': {
    cloth:
      'M44 44 16 28c-6-3-8 2-8 6v32c0 4 2 9 8 6l28-16zM56 44l28-16c6-3 8 2 8 6v32c0 4-2 9-8 6L56 56z',
    trim: 'M42 40h16v20H42z',
    seams: 'M36 46 22 40M36 54l-14 6M64 46l14-6M64 54l14 6',
  },
  beanie: {
    cloth: 'M20 62c0-26 12-40 30-40s30 14 30 40z',
    trim: 'M16 62h68v18H16zM50 22a7 7 0 1 0 0-14 7 7 0 0 0 0 14z',
    seams: 'M28 64v14M40 64v14M50 64v14M60 64v14M72 64v14M38 34c-3 6-4 12-4 20M62 34c3 6 4 12 4 20',
  },
  sunglasses: {
    cloth: 'M10 44h34v12c0 10-8 16-17 16S10 66 10 56zM56 44h34v12c0 10-8 16-17 16s-17-6-17-16z',
    trim: 'M14 48h12L18 62c-3-2-4-5-4-8zM60 48h12l-8 14c-3-2-4-5-4-8z',
    seams: 'M44 48c4-3 8-3 12 0M10 44 20 30M90 44 80 30',
  },
  socks: {
    cloth:
      'M20 12h22v38l-3 22c-2 12-24 14-27 4-2-6 3-10 8-14zM54 18h22v38l-3 22c-2 12-24 14-27 4-2-6 3-10 8-14z',
    trim: 'M20 12h22v12H20zM54 18h22v12H54z',
    seams: 'M20 34h22M20 42h22M54 40h22M54 48h22',
  },
  hanger: {
    cloth: 'M50 40 8 68c-5 4-3 12 4 12h76c7 0 9-8 4-12z',
    trim: 'M50 52 30 66h40z',
    seams: 'M50 40v-8c0-4 10-5 10-13a10 10 0 0 0-20 0',
  },
};

/** A drawing; decoration, since the product's name stands beside it. */
export function Picture({ of }: { of: PictureName }): JSX.Element {
  const { cloth, trim, seams } = drawings[of];
  return (
    <svg class={`picture ${of}`} viewBox="0 0 100 100" aria-hidden="true" focusable="false">
      <path class="cloth" d={cloth} />
      <path class="trim" d={trim} />
      <path class="seams" d={seams} />
    </svg>
  );
}
