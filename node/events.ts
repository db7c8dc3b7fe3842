/**
 * What a node tells whoever embeds it, and how. The kinds, with their fields, are `NodeEvents` in `api.ts`; every event but
 * `fatal` and `presence` is on disk before it is told, and stays there until it is acknowledged by its number.
 */
import type { NodeEvents } from './api.ts'
import type { StoredEvent } from './core/state.ts'

type Listener<K extends keyof NodeEvents> = (event: NodeEvents[K]) => void
type Listeners = { readonly [K in keyof NodeEvents]: Set<Listener<K>> }

/** As an EventTarget does with what a listener throws: uncaught, and not on the stack of whoever told. */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}

export class Telling {
  readonly #surface: (error: unknown) => void
  readonly #listeners: Listeners = {
    event: new Set(),
    message: new Set(),
    status: new Set(),
    contact: new Set(),
    gap: new Set(),
    presence: new Set(),
    fatal: new Set(),
  }

  constructor(surface: (error: unknown) => void = throwLater) {
    this.#surface = surface
  }

  on<K extends keyof NodeEvents>(kind: K, listener: Listener<K>): () => void {
    const listeners: Set<Listener<K>> = this.#listeners[kind]
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  tell<K extends keyof NodeEvents>(kind: K, event: NodeEvents[K]): void {
    for (const listener of this.#listeners[kind]) {
      try {
        listener(event)
      } catch (error) {
        this.#surface(error) // The listener's own fault: the others are still told, and the node goes on.
      }
    }
  }

  tellStored(stored: StoredEvent): void {
    const { event } = stored
    this.tell('event', stored)
    switch (event.type) {
      case 'message':
        return this.tell('message', event)
      case 'status':
        return this.tell('status', event)
      case 'contact':
        return this.tell('contact', event)
      case 'gap':
        return this.tell('gap', event)
    }
  }

  /** Tells of the end; with nobody listening it is thrown instead, because it must not pass unseen. */
  tellFatal(error: Error): void {
    if (this.#listeners.fatal.size > 0) this.tell('fatal', error)
    else this.#surface(error)
  }
}
