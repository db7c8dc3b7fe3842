/**
 * Key material that does not print and can be wiped. JavaScript cannot promise that no copy is left behind by the
 * engine; this takes away the accidents (a log line, a JSON dump, a debugger's preview) and shortens the life of the
 * rest.
 */
import { forgetKey } from './primitives.ts'

export class Secret {
  // A true private field: inspectors and serialisers do not see it.
  readonly #bytes: Uint8Array

  /** Takes ownership of `bytes`: the caller must not write to them afterwards. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The key itself, not a copy. Do not keep or change it. */
  get bytes(): Uint8Array {
    return this.#bytes
  }

  /** Overwrites the key with zeros, for every holder of this value. */
  wipe(): void {
    forgetKey(this.#bytes)
    this.#bytes.fill(0)
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }
}
