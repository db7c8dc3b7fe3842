/**
 * A node's events in order, from a number on and then as they come. It reads the kept events and uses the live ones only as
 * a bell, so a slow reader holds up nothing and misses nothing.
 */
import type { LinnetNode, StoredEvent } from '../../node/index.ts'

const pageMax = 100

export async function* feed(node: LinnetNode, after: number, signal: AbortSignal): AsyncGenerator<StoredEvent> {
  let last = after
  let ring: () => void = () => undefined
  const stopListening = node.on('event', () => ring())
  const onAbort = (): void => ring()
  signal.addEventListener('abort', onAbort)
  try {
    while (!signal.aborted) {
      // The bell is hung before looking, so that an event between the look and the wait is not slept through.
      const bell = new Promise<void>((resolve) => (ring = resolve))
      const page = node.events(last, pageMax)
      for (const one of page) {
        if (signal.aborted) return
        last = one.seq
        yield one
      }
      if (page.length === 0 && !signal.aborted) await bell
    }
  } finally {
    stopListening()
    signal.removeEventListener('abort', onAbort)
  }
}
