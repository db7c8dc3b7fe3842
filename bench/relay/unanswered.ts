/**
 * What a client has sent and has no answer to, in the order it was sent, in which nearly all of it is answered. A list: a map that so
 * much passes through leaves old tables behind, each pointing to the next, and the load would collect them when it should send.
 */
export class Unanswered<Key> {
  readonly #sent: { readonly key: Key; readonly tag: number }[] = []

  /** The key of what has waited longest. */
  get first(): Key | undefined {
    return this.#sent[0]?.key
  }

  add(key: Key, tag: number): void {
    this.#sent.push({ key, tag })
  }

  /** The tag of what is answered now; undefined when it was answered before, or never sent. */
  take(key: Key): number | undefined {
    const at = this.#sent.findIndex((sent) => sent.key === key)
    const [sent] = at < 0 ? [] : this.#sent.splice(at, 1)
    return sent?.tag
  }
}
