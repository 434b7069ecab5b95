/** What the shop sells. */
export interface Product {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly priceInCents: number;
  readonly picture: 'coat' | 'scarf' | 'hat' | 'umbrella' | 'gloves' | 'boots';
}

/** Every product by its id; a `Map`, since ids also come from outside. */
export const products: ReadonlyMap<string, Product> = new Map(
  (
    [
      ['wool-coat', 'Wool coat', 'Heavy, warm and hard to lose.', 24_900, 'coat'],
      ['red-scarf', 'Red scarf', 'Two metres; goes round twice.', 3_900, 'scarf'],
      ['felt-hat', 'Felt hat', 'Keeps its shape on the shelf.', 6_400, 'hat'],
      ['umbrella', 'Umbrella', 'The one thing everybody forgets.', 4_500, 'umbrella'],
      ['gloves', 'Leather gloves', 'A pair, and it stays a pair.', 5_200, 'gloves'],
      ['rain-boots', 'Rain boots', 'For the way from the cab to the door.', 7_800, 'boots'],
    ] as const
  ).map(([id, name, description, priceInCents, picture]) => [
    id,
    { id, name, description, priceInCents, picture },
  ]),
);

const euros = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' });

/** An amount as the pages show it: `€249.00`. */
export function formatPrice(cents: number): string {
  return euros.format(cents / 100);
}
