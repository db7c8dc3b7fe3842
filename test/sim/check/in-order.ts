/**
 * What one sender's device said is shown in the order it was said. A message may be shown after a later one only if the
 * recipient was told of a gap before.
 */
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

export function inOrder(world: World): Watch {
  const highest = new Map<string, number>()
  const gaps = new Map<string, number>()
  return {
    committed(device, changes) {
      for (const change of changes) {
        if (change.kind === 'add-event' && change.stored.event.type === 'gap') {
          const key = `${device.name} ${change.stored.event.conversation}`
          gaps.set(key, (gaps.get(key) ?? 0) + change.stored.event.missing)
        }
        if (change.kind !== 'put-message') continue
        const { message } = change
        if (message.outgoing || message.state !== 'shown') continue
        const key = `${device.name} ${message.device}`
        const before = highest.get(key) ?? 0
        if (message.seq > before) {
          highest.set(key, message.seq)
          continue
        }
        world.mark('shown-late')
        const owed = `${device.name} ${message.conversation}`
        const left = gaps.get(owed) ?? 0
        if (left <= 0)
          world.complain('in order', `${device.name} is shown ${message.seq} after ${before} and no gap was told`)
        gaps.set(owed, left - 1)
      }
    },
  }
}
