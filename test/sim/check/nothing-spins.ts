/** Nobody asks for the next tick again and again: a device that does empties a battery. */
import type { SimDevice } from '../world/device.ts'
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

const ticksMax = 100
const withinMs = 1_000

export function nothingSpins(world: World): Watch {
  const ticks = new Map<SimDevice, { fromMs: number; count: number }>()
  return {
    heard(device, input) {
      if (input.kind !== 'tick') return
      const known = ticks.get(device)
      if (known === undefined || world.nowMs - known.fromMs > withinMs) {
        ticks.set(device, { fromMs: world.nowMs, count: 1 })
        return
      }
      known.count++
      if (known.count === ticksMax) world.complain('nothing spins', `${device.name}: ${ticksMax} ticks in a second`)
    },
  }
}
