import type { JSX } from 'preact';
import type { Product } from '../products.ts';
import type { Visitor } from '../visitor.ts';
import { Layout } from './layout.tsx';
import { PostForm } from './parts.tsx';
import { Picture } from './picture.tsx';

/** What there is to buy. */
export function ProductsPage(props: {
  visitor: Visitor;
  shown: readonly Product[];
  /** The number of the page, from 1. */
  number: number;
  count: number;
  hasLeft: boolean;
}): JSX.Element {
  const { visitor, shown, number, count, hasLeft } = props;
  const { products, login } = visitor.locale.texts;
  return (
    <Layout title={products.title} current="/" look={visitor} visitor={visitor}>
      {hasLeft ? (
        <p class="message info" role="status">
          {login.goodbye}
        </p>
      ) : null}
      <h1>{products.title}</h1>
      <p class="lead">{products.lead}</p>
      <ul class="products">
        {shown.map((product) => (
          <Item key={product.id} product={product} visitor={visitor} />
        ))}
      </ul>
      {count > 1 ? (
        <nav class="pages" aria-label={products.pages}>
          {number > 1 ? <a href={`/?page=${number - 1}`}>← {products.previous}</a> : <span />}
          <span>{products.page(number, count)}</span>
          {number < count ? <a href={`/?page=${number + 1}`}>{products.next} →</a> : <span />}
        </nav>
      ) : null}
    </Layout>
  );
}

function Item(props: { product: Product; visitor: Visitor }): JSX.Element {
  const { product, visitor } = props;
  const { id, priceInCents, picture } = product;
  const { texts, price } = visitor.locale;
  const [name = id, description] = texts.products.names[id] ?? [];
  return (
    <li class="card product">
      <Picture of={picture} />
      <div class="product-text">
        <h2>{name}</h2>
        <p>{description}</p>
      </div>
      <PostForm visitor={visitor} action="/cart/add" isFirst>
        <span class="price">{price(priceInCents)}</span>
        <button type="submit" name="product" value={id} aria-label={texts.products.addNamed(name)}>
          {texts.products.add}
        </button>
      </PostForm>
    </li>
  );
}
