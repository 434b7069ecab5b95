import type { WizardState } from '@coatcheck/contrib/form-wizard';
import type { JSX } from 'preact';
import { type CheckoutStep, type CheckoutSteps, checkout } from '../checkout.ts';
import type { Visitor } from '../visitor.ts';
import { Check } from './parts.tsx';

/** Where in the checkout the visitor is, and what can be gone back to. */
export function CheckoutProgress(props: {
  visitor: Visitor;
  current: CheckoutStep | 'review';
  state: Pick<WizardState<CheckoutSteps>, 'completed' | 'reachable' | 'isComplete'>;
}): JSX.Element {
  const { visitor, current, state } = props;
  const { checkout: texts } = visitor.locale.texts;
  return (
    <nav aria-label={texts.progress}>
      <ol class="progress">
        {([...checkout.steps, 'review'] as const).map((step, index) => {
          const isDone = step !== 'review' && state.completed.includes(step);
          const isOpen = step === 'review' ? state.isComplete : state.reachable.includes(step);
          const content = (
            <>
              <span class="number" aria-hidden="true">
                {isDone && step !== current ? <Check /> : index + 1}
              </span>
              {texts.steps[step]}
              {isDone ? <span class="visually-hidden">, {texts.done}</span> : null}
            </>
          );
          return (
            <li key={step} class={isDone ? 'done' : ''}>
              {isOpen ? (
                <a href={`/checkout/${step}`} aria-current={step === current ? 'step' : undefined}>
                  {content}
                </a>
              ) : (
                <span class="closed">{content}</span>
              )}
            </li>
          );
        })}
      </ol>
    </nav>
  );
}
