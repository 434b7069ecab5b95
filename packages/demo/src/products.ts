/** What can be drawn; see `pages/picture.tsx`. */
export type PictureName =
  | 'coat'
  | 'scarf'
  | 'hat'
  | 'umbrella'
  | 'gloves'
  | 'boots'
  | 'satchel'
  | 'hanger'
  | 'bow-tie'
  | 'sunglasses'
  | 'beanie'
  | 'socks';

/** The names under which products are sold. */
export type ProductId =
  | 'wool-coat'
  | 'red-scarf'
  | 'felt-hat'
  | 'umbrella'
  | 'gloves'
  | 'rain-boots'
  | 'satchel'
  | 'bow-tie'
  | 'beanie'
  | 'sunglasses'
  | 'wool-socks'
  | 'cedar-hanger';

/** What the shop sells. Its name is in the texts of each language. */
export interface Product {
  readonly id: ProductId;
  readonly priceInCents: number;
  readonly picture: PictureName;
}

const list: readonly Product[] = [
  { id: 'wool-coat', priceInCents: 24_900, picture: 'coat' },
  { id: 'red-scarf', priceInCents: 3_900, picture: 'scarf' },
  { id: 'felt-hat', priceInCents: 6_400, picture: 'hat' },
  { id: 'umbrella', priceInCents: 4_500, picture: 'umbrella' },
  { id: 'gloves', priceInCents: 5_200, picture: 'gloves' },
  { id: 'rain-boots', priceInCents: 7_800, picture: 'boots' },
  { id: 'satchel', priceInCents: 15_900, picture: 'satchel' },
  { id: 'bow-tie', priceInCents: 2_900, picture: 'bow-tie' },
  { id: 'beanie', priceInCents: 2_600, picture: 'beanie' },
  { id: 'sunglasses', priceInCents: 8_900, picture: 'sunglasses' },
  { id: 'wool-socks', priceInCents: 1_900, picture: 'socks' },
  { id: 'cedar-hanger', priceInCents: 1_400, picture: 'hanger' },
];

/** Every product by its id; a `Map`, since ids also come from outside. */
export const products: ReadonlyMap<string, Product> = new Map(
  list.map((product) => [product.id, product]),
);
