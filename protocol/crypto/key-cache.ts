/**
 * Prepared forms of keys, kept for as long as the key's own byte array is in use. Importing a raw key into the native
 * library costs as much as using it, and sessions hold on to the same arrays, so identity of the array is the right
 * key; its content is compared on every use, since an array can be written to.
 */

export interface KeyCache<Prepared> {
  get(key: Uint8Array): Prepared
  /** Keeps a form that was made together with the key. */
  put(key: Uint8Array, prepared: Prepared): void
  forget(key: Uint8Array): void
}

interface Entry<Prepared> {
  readonly content: Uint8Array
  readonly prepared: Prepared
}

export function keyCache<Prepared>(prepare: (key: Uint8Array) => Prepared): KeyCache<Prepared> {
  const entries = new WeakMap<Uint8Array, Entry<Prepared>>()
  return {
    get(key) {
      const entry = entries.get(key)
      if (entry !== undefined && isSame(entry.content, key)) return entry.prepared
      const prepared = prepare(key)
      entries.set(key, { content: new Uint8Array(key), prepared })
      return prepared
    },
    put(key, prepared) {
      entries.set(key, { content: new Uint8Array(key), prepared })
    },
    forget(key) {
      entries.get(key)?.content.fill(0)
      entries.delete(key)
    },
  }
}

function isSame(content: Uint8Array, key: Uint8Array): boolean {
  let difference = content.length ^ key.length
  for (let i = 0; i < content.length; i++) difference |= (content[i] as number) ^ (key[i] as number)
  return difference === 0
}
