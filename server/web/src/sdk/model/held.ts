/** Lists that were given out, as long as somebody holds them. */

export class Held<T> {
  readonly #lists = new Map<string, WeakRef<readonly T[]>>()
  readonly #forgotten = new FinalizationRegistry<string>((name) => {
    if (!this.#lists.get(name)?.deref()) this.#lists.delete(name) // not if there is a later one
  })
  readonly #isSame: (one: T, other: T) => boolean

  constructor(isSame: (one: T, other: T) => boolean) {
    this.#isSame = isSame
  }

  /** The list last given out under that name, if somebody still holds it and it is the same; else `fresh`. */
  give(name: string, fresh: readonly T[]): readonly T[] {
    const held = this.#lists.get(name)?.deref()
    if (held && this.#areSame(held, fresh)) return held
    this.#lists.set(name, new WeakRef(fresh))
    this.#forgotten.register(fresh, name)
    return fresh
  }

  #areSame(one: readonly T[], other: readonly T[]): boolean {
    return (
      one.length === other.length && one.every((item, at) => this.#isSame(item, other[at] as T))
    )
  }
}
