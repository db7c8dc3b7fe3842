/**
 * A contact whose device does not keep to the rules: it calls, and brings to every relay of theirs, hundreds of frames that
 * say nothing: noise under its own name, acknowledgements and refusals of what was never sent, the most urgent of envelopes.
 * And it asks each of these relays for keys it has no use for. All of it is well formed; none may cost more than the handling
 * of it.
 */
import { envelopeIdOf, messageIdLength, type EnvelopeId } from '../../../protocol/ids.ts'
import { messageLifeMs, urgencyMax } from '../../../protocol/limits.ts'
import { directoryProtocol } from '../../../protocol/wire/directory.ts'
import { directProtocol, type DirectFrame } from '../../../protocol/wire/direct.ts'
import { mailboxProtocol, type MailboxFrame } from '../../../protocol/wire/mailbox.ts'
import { checkedCarriage } from '../world/carriage.ts'
import type { Chance } from '../world/chance.ts'
import { addressOf, expectedAt } from '../world/mailbox-lines.ts'
import type { Person } from '../world/person.ts'
import { minute, type Story } from '../world/story.ts'
import type { End } from '../world/wire.ts'
import type { Population } from './population.ts'

const framesMax = 150
/** It does not stay. */
const visitMs = minute

export function flood({ story }: Population, from: Person, to: Person, chance: Chance): void {
  const { world, network } = story
  const { host, id: device, store } = from.device
  const carriage = checkedCarriage(world)
  const card = store.contact(to.account)?.card
  const count = 1 + chance.below(framesMax)
  const visit = (end: End, say: () => void): void => {
    for (let i = 0; i < count; i++) say()
    world.after(visitMs, () => end.close('done'))
  }
  const turnedAway = (frame: unknown): void => {
    if ((frame as DirectFrame | MailboxFrame).kind.startsWith('refuse')) world.mark('flood-turned-away')
  }
  const listener = { onFrame: turnedAway, onEnd: () => undefined }

  const addresses = card?.devices.find((listed) => listed.device === to.device.id)?.addresses ?? []
  const call = { from: host, addresses, expects: to.device.id, protocol: directProtocol, as: device, listener }
  network.dial(call, (dialled) => {
    if (dialled.ok) visit(dialled.end, () => carriage.direct(dialled.end, nonsense(chance)))
  })
  for (const relay of card?.relays ?? []) {
    const place = { addresses: [addressOf(relay)], expects: expectedAt(relay) }
    const deposit = (): MailboxFrame => ({
      kind: 'deposit',
      mailbox: to.device.id,
      envelope: {
        id: newId(chance),
        urgency: chance.below(urgencyMax + 1),
        expiresMs: from.device.clock.nowMs + chance.below(messageLifeMs),
        sealed: chance.hits(0.5)
          ? chance.bytes(100 + chance.below(4_000))
          : story.seal(to.device.id, noise(from, chance)),
      },
    })
    network.dial({ from: host, ...place, protocol: mailboxProtocol, as: undefined, listener }, (dialled) => {
      if (dialled.ok) visit(dialled.end, () => carriage.mailbox(dialled.end, deposit()))
    })
    drain(story, from, to, { relay, count })
  }
}

/** Asks for keys, one question at a time: a second one before the answer would close the stream. */
function drain({ world, network }: Story, from: Person, to: Person, { relay, count }: Drained): void {
  const carriage = checkedCarriage(world)
  const place = { addresses: [addressOf(relay)], expects: expectedAt(relay), protocol: directoryProtocol }
  let [end, asked]: [End | undefined, number] = [undefined, 0]
  const ask = (): void => {
    if (end !== undefined && asked++ < count) carriage.directory(end, { kind: 'take-bundle', device: to.device.id })
  }
  const listener = { onFrame: ask, onEnd: () => undefined }
  network.dial({ from: from.device.host, ...place, as: undefined, listener }, (dialled) => {
    if (!dialled.ok) return
    end = dialled.end
    ask()
    world.after(visitMs, () => dialled.end.close('done'))
  })
}

interface Drained {
  readonly relay: string
  readonly count: number
}

function nonsense(chance: Chance): DirectFrame {
  const id = newId(chance)
  switch (chance.below(4)) {
    case 0:
      return { kind: 'ack', ids: [id] }
    case 1:
      return { kind: 'refuse', id, reason: chance.pick(['undecryptable', 'refused', 'busy'] as const) }
    default:
      return {
        kind: 'message',
        id,
        type: chance.pick([2, 3] as const),
        ciphertext: chance.bytes(1 + chance.below(2_000)),
      }
  }
}

/** As if from a session, and from none. */
function noise({ device }: Person, chance: Chance): Parameters<Population['story']['seal']>[1] {
  return { sender: device.id, type: chance.pick([2, 3] as const), ciphertext: chance.bytes(200) }
}

function newId(chance: Chance): EnvelopeId {
  return envelopeIdOf(chance.bytes(messageIdLength))
}
