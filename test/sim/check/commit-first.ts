/** Nothing is done before what decides it is on disk. */
import type { SimDevice } from '../world/device.ts'
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

export function commitFirst(world: World): Watch {
  const handling = new Set<SimDevice>()
  return {
    heard: (device) => void handling.add(device),
    committed: (device) => void handling.delete(device),
    broke: (device) => void handling.delete(device),
    performed(device, effect) {
      if (handling.has(device)) world.complain('commit before effects', `${device.name} does ${effect.kind} too early`)
    },
  }
}
