/**
 * A cure for main-event 1, the event target that libp2p 3 builds connections and streams on: it registers each listener with
 * Node's own EventTarget by way of a wrapper, and notes it a second time. A dozen objects for each of some thirty listeners
 * were two fifths of an idle connection's memory, and adding, telling and taking them away again a tenth of a handshake.
 *
 * Here an emitter keeps one short list of its own, and nothing is registered elsewhere. What an emitter did before the
 * cure still works beside it. To be dropped when main-event keeps its listeners once.
 */
import { TypedEventEmitter } from '@libp2p/interface'

type Listener = ((event: Event) => void) | { handleEvent(event: Event): void }

interface Entry {
  readonly type: string
  readonly listener: Listener
  readonly once: boolean
  /** Forgets the signal that would take the listener away, when one was given. */
  readonly release: (() => void) | undefined
  /** Whether others of this type were there before the cure; none can have come since. */
  readonly isBesideStock: boolean
  removed: boolean
}

/** Its own property and not a private field: an emitter without listeners has none. */
const listening = Symbol('listening')

interface Emitter {
  [listening]?: readonly Entry[]
}

type Options = { readonly once?: boolean; readonly signal?: AbortSignal } | boolean | undefined | null

interface Stock {
  readonly count: (this: Emitter, type: string) => number
  readonly remove: typeof remove
  readonly dispatch: typeof dispatch
}

/** As the class had them. */
const stock: Stock = {
  count: Reflect.get(TypedEventEmitter.prototype, 'listenerCount'),
  remove: Reflect.get(TypedEventEmitter.prototype, 'removeEventListener'),
  dispatch: Reflect.get(EventTarget.prototype, 'dispatchEvent'),
}

/** For all emitters of this process; a second time does nothing. */
export function cureListeners(): void {
  const methods: object = TypedEventEmitter.prototype
  if (Object.hasOwn(methods, 'dispatchEvent')) return
  Object.assign(methods, {
    addEventListener: add,
    removeEventListener: remove,
    dispatchEvent: dispatch,
    listenerCount: count,
  })
}

function add(this: Emitter, type: string, listener: Listener | null, options?: Options): void {
  const { once = false, signal } = typeof options === 'object' && options !== null ? options : {}
  if (listener === null || signal?.aborted === true) return
  const before = this[listening] ?? []
  if (before.some((entry) => entry.type === type && entry.listener === listener)) return
  let release: Entry['release']
  if (signal !== undefined) {
    const aborted = (): void => remove.call(this, type, listener)
    signal.addEventListener('abort', aborted)
    release = () => signal.removeEventListener('abort', aborted)
  }
  const isBesideStock = stock.count.call(this, type) > 0
  this[listening] = [...before, { type, listener, once, release, isBesideStock, removed: false }]
}

function remove(this: Emitter, type: string, listener: Listener | null): void {
  const before = this[listening] ?? []
  const entry = before.find((one) => one.type === type && one.listener === listener)
  if (entry === undefined) return stock.remove.call(this, type, listener)
  entry.removed = true
  entry.release?.()
  this[listening] = before.filter((one) => one !== entry)
}

/** Lists are replaced and never changed, so that listeners may come and go while others are told. */
function dispatch(this: Emitter, event: Event): boolean {
  const { type } = event
  let askStock = true
  for (const entry of this[listening] ?? []) {
    if (entry.type !== type || entry.removed) continue
    askStock = entry.isBesideStock
    if (entry.once) remove.call(this, type, entry.listener)
    tell(entry.listener, event)
  }
  if (askStock && stock.count.call(this, type) > 0) return stock.dispatch.call(this, event)
  return !event.defaultPrevented
}

function count(this: Emitter, type: string): number {
  let own = 0
  let askStock = true
  for (const entry of this[listening] ?? []) {
    if (entry.type !== type) continue
    askStock = entry.isBesideStock
    own += 1
  }
  return askStock ? own + stock.count.call(this, type) : own
}

/** What a listener throws is nobody's here to catch, and must not keep the others from being told. */
function tell(listener: Listener, event: Event): void {
  try {
    if (typeof listener === 'function') listener(event)
    else listener.handleEvent(event)
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}
