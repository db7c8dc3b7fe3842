/**
 * What one sender's device said is shown in the order it was said. What is passed over is told as a gap, and a message may
 * be shown after a later one only if it was.
 */
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

export function inOrder(world: World): Watch {
  const highest = new Map<string, number>()
  /** By conversation: what was told to be missing and has not come late. */
  const gaps = new Map<string, number>()
  /** And what of it accounts for no message that was passed over. */
  const unused = new Map<string, number>()
  return {
    committed(device, changes) {
      for (const change of changes) {
        if (change.kind === 'add-event' && change.stored.event.type === 'gap') {
          const { conversation, missing } = change.stored.event
          const key = `${device.name} ${conversation}`
          gaps.set(key, (gaps.get(key) ?? 0) + missing)
          unused.set(key, (unused.get(key) ?? 0) + missing)
        }
        if (change.kind !== 'put-message') continue
        const { message } = change
        if (message.outgoing || message.state !== 'shown') continue
        const key = `${device.name} ${message.device}`
        const before = highest.get(key) ?? 0
        const owed = `${device.name} ${message.conversation}`
        if (message.seq > before) {
          highest.set(key, message.seq)
          const untold = message.seq - before - 1 - (unused.get(owed) ?? 0)
          unused.set(owed, Math.max(0, -untold))
          if (before === 0 || untold <= 0) continue // Where their count began when they met, only its sender knows.
          world.complain('gaps are told', `${device.name} is not told of ${untold} before ${message.seq}`)
          continue
        }
        world.mark('shown-late')
        const left = gaps.get(owed) ?? 0
        if (left <= 0)
          world.complain('in order', `${device.name} is shown ${message.seq} after ${before} and no gap was told`)
        gaps.set(owed, left - 1)
      }
    },
  }
}
