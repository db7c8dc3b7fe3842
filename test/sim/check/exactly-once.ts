/** Each message is shown once by a person's device, and no event number is ever given to another event. */
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

export function exactlyOnce(world: World): Watch {
  const shown = new Set<string>()
  const told = new Map<string, string>()
  return {
    committed(device, changes) {
      for (const change of changes) {
        if (change.kind !== 'add-event') continue
        const { seq, event } = change.stored
        const key = `${device.name} ${seq}`
        const text = JSON.stringify(event)
        if ((told.get(key) ?? text) !== text) world.complain('each event has its own number', key)
        told.set(key, text)
        if (event.type !== 'message') continue
        const message = `${device.name} ${event.conversation} ${event.id}`
        if (shown.has(message))
          world.complain('exactly once', `${device.name} is shown ${event.text ?? event.id} again`)
        shown.add(message)
      }
    },
  }
}
