/**
 * No command is given in vain. A shell carries out what it can and lets go of the rest, since a link may have gone a moment
 * ago; so a rule that asks for the impossible would never be noticed. Here it is: whatever a device does must make sense by
 * what it was told before, and whoever asks it something gets one answer.
 */
import type { Effect } from '../../../node/core/effects.ts'
import type { Input } from '../../../node/core/inputs.ts'
import type { SimDevice } from '../world/device.ts'
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

/** Longer than every question to others that an answer may wait for. */
const answerMsMax = 120_000

/** Of one life: what it was told, and what it has under way. */
class Standing {
  readonly links = new Set<number>()
  readonly relays = new Set<string>()
  readonly publishing = new Set<string>()
  readonly collected = new Set<string>()
  readonly askers = new Set<number>()
  readonly asked = new Set<number>()
  /** By number: when it was asked. */
  readonly requests = new Map<number, number>()
  readonly notified = new Set<number>()
  /** Gone since this batch of inputs began: commands of the same batch may have been given before. */
  readonly lately: { readonly links: Set<number>; readonly relays: Set<string> } = {
    links: new Set(),
    relays: new Set(),
  }
  isHandling = false

  beginBatch(): void {
    this.isHandling = true
    this.lately.links.clear()
    this.lately.relays.clear()
  }
}

/** Whether a command makes sense by what stands; else what is wrong with it. */
function wrongWith(effect: Effect, standing: Standing): string | undefined {
  const { lately } = standing
  switch (effect.kind) {
    case 'dial':
      return effect.addresses.length === 0 ? 'no address' : undefined
    case 'send':
    case 'close-link':
      return standing.links.has(effect.link) || lately.links.has(effect.link) ? undefined : 'no such link'
    case 'connect-relay':
      return standing.relays.has(effect.relay) ? 'connected, or being connected' : undefined
    case 'publish':
      if (lately.relays.has(effect.relay)) return undefined
      if (!standing.relays.has(effect.relay)) return 'not connected'
      return standing.publishing.has(effect.relay) ? 'before the last was answered' : undefined
    case 'ack-mailbox':
      if (effect.ids.length === 0) return 'nothing'
      return effect.ids.every((id) => standing.collected.has(`${effect.relay} ${id}`)) ? undefined : 'never collected'
    case 'ask-directory':
      return standing.asked.has(effect.ask) ? 'the same number again' : undefined
    case 'answer-asker':
      return standing.askers.has(effect.asker) ? undefined : 'nobody asked, or twice'
    case 'answer':
      return standing.requests.has(effect.request) ? undefined : 'nobody asked, or twice'
    case 'notify':
      return standing.notified.has(effect.stored.seq) ? 'told before' : undefined
    case 'leave-relay':
    case 'deposit':
      return undefined
  }
}

function told(input: Input, standing: Standing, nowMs: number): void {
  switch (input.kind) {
    case 'link-risen':
      return void standing.links.add(input.link)
    case 'link-lost':
      standing.lately.links.add(input.link)
      return void standing.links.delete(input.link)
    case 'relay-lost':
      standing.lately.relays.add(input.relay)
      standing.publishing.delete(input.relay)
      return void standing.relays.delete(input.relay)
    case 'relay-risen': // What was published over the last link is not waited for.
    case 'publish-answered':
      return void standing.publishing.delete(input.relay)
    case 'envelope-collected':
      return void standing.collected.add(`${input.relay} ${input.envelope.id}`)
    case 'tombstones-collected':
      for (const { id } of input.lost) standing.collected.add(`${input.relay} ${id}`)
      return
    case 'directory-asked':
      return void standing.askers.add(input.asker)
    default:
      if ('request' in input) standing.requests.set(input.request, nowMs)
  }
}

function did(effect: Effect, standing: Standing): void {
  switch (effect.kind) {
    case 'connect-relay':
      return void standing.relays.add(effect.relay)
    case 'leave-relay':
      standing.publishing.delete(effect.relay)
      return void standing.relays.delete(effect.relay)
    case 'publish':
      return void standing.publishing.add(effect.relay)
    case 'ask-directory':
      return void standing.asked.add(effect.ask)
    case 'answer-asker':
      return void standing.askers.delete(effect.asker)
    case 'answer':
      return void standing.requests.delete(effect.request)
    case 'notify':
      return void standing.notified.add(effect.stored.seq)
    default:
      return
  }
}

export function commandsCount(world: World): Watch {
  const standings = new Map<SimDevice, Standing>()
  const standingOf = (device: SimDevice): Standing => {
    let standing = standings.get(device)
    if (standing === undefined) standings.set(device, (standing = new Standing()))
    return standing
  }
  return {
    heard(device, input) {
      const standing = standingOf(device)
      if (!standing.isHandling) standing.beginBatch()
      told(input, standing, world.nowMs)
    },
    committed: (device) => void (standingOf(device).isHandling = false),
    performed(device, effect) {
      const standing = standingOf(device)
      const wrong = wrongWith(effect, standing)
      if (wrong !== undefined) world.complain('commands make sense', `${device.name}: ${effect.kind}: ${wrong}`)
      did(effect, standing)
    },
    broke: (device) => void standings.delete(device),
    ended() {
      for (const [device, { requests }] of standings) {
        const owed = [...requests.values()].filter((atMs) => world.nowMs - atMs > answerMsMax).length
        if (owed > 0) world.complain('who asks is answered', `${device.name} owes ${owed} answers`)
      }
    },
  }
}
