/** An object like another, except for some of its methods: how a fault is put around what has none. */
export function overriding<T extends object>(real: T, instead: Partial<T>): T {
  const bound = new Map<PropertyKey, unknown>()
  return new Proxy(real, {
    get(target, name) {
      if (name in instead) return instead[name as keyof T]
      const known = bound.get(name)
      if (known !== undefined) return known
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      const method: unknown = value.bind(target)
      bound.set(name, method)
      return method
    },
  })
}
