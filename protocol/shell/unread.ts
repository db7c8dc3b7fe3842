/**
 * Bytes that came and were not taken yet, in one piece. Never more room than twice of what has come: what a length announces is
 * not believed before it is there.
 */

const none = new Uint8Array(0)

export class Unread {
  #bytes: Uint8Array = none
  #start = 0
  #end = 0
  /** The bytes are our own and have room behind their end. */
  #owned = false

  get length(): number {
    return this.#end - this.#start
  }

  /** The byte so many after the first; 0 behind the last. */
  at(index: number): number {
    return this.#bytes[this.#start + index] ?? 0
  }

  /** Takes what came. It must not be changed afterwards, but by who took it out of here. */
  push(bytes: Uint8Array): void {
    if (this.#start === this.#end) return this.#hold(bytes, bytes.length, false)
    if (!this.#owned || this.#end + bytes.length > this.#bytes.length) {
      const unread = this.#bytes.subarray(this.#start, this.#end)
      const roomier = new Uint8Array(2 * (unread.length + bytes.length))
      roomier.set(unread)
      this.#hold(roomier, unread.length, true)
    }
    this.#bytes.set(bytes, this.#end)
    this.#end += bytes.length
  }

  /** The first `length` bytes, of which there must be so many, without those `skipped` before them. */
  take(length: number, skipped = 0): Uint8Array {
    const end = this.#start + length
    const taken = this.#bytes.subarray(this.#start + skipped, end)
    if (end === this.#end) this.#hold(none, 0, false)
    else this.#start = end
    return taken
  }

  #hold(bytes: Uint8Array, end: number, owned: boolean): void {
    this.#bytes = bytes
    this.#start = 0
    this.#end = end
    this.#owned = owned
  }
}
