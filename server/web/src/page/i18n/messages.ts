/** Texts in the languages of the page. Each folder defines its own, next to where they are used. */

import { useView } from '../view'

export const LANGUAGES = ['en', 'ko'] as const
export type Language = (typeof LANGUAGES)[number]

type Text = string | ((...args: never[]) => string)
type Texts = Record<string, Text>

/** The same texts in every language; the type of the English ones is the type of all. */
export type Messages<T extends Texts> = Record<
  Language,
  { [K in keyof T]: T[K] extends string ? string : T[K] }
>

/** Texts in all languages. A text with parts is a function: `(name: string) => …`. */
export function defineMessages<T extends Texts>(
  english: T,
  korean: Messages<T>['ko'],
): Messages<T> {
  return { en: english, ko: korean } as Messages<T>
}

/** The texts in the language of the page. */
export function useMessages<T extends Texts>(messages: Messages<T>): Messages<T>['en'] {
  return messages[useView((view) => view.language)]
}

/** The texts in the language of the page, outside of components. */
export function currentMessages<T extends Texts>(messages: Messages<T>): Messages<T>['en'] {
  return messages[useView.getState().language]
}
