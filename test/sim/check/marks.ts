/** Notes which paths through the rules a run took, so that many runs can be asked whether they still take them all. */
import { body } from '../../../protocol/wire/content.ts'
import type { DepositAnswer } from '../../../node/core/inputs.ts'
import type { ModelRecord } from '../crypto/model-sessions.ts'
import type { Watch } from '../world/watch.ts'
import { faultKinds } from '../swarm/draw.ts'
import type { World } from '../world/world.ts'

/** Paths that two hundred seeds must take between them, or they no longer test what they are for. */
export const requiredMarks: readonly string[] = [
  ...faultKinds.map((kind) => `fault-${kind}`),
  'real-sessions',

  // Ways a message takes.
  'delivered-direct',
  'fell-back-to-mailbox',
  'collected-from-mailbox',
  'delivered-past-the-disk',
  'collected-from-a-relay-left',
  'duplicate-dropped',
  'held-for-order',
  'shown-late',
  'gap-told',
  'message-expired',

  // Sessions and keys.
  'last-resort-prekey',
  'prekey-rationed',
  'archived-session-decrypted',
  'asked-for-a-repeat',
  'key-changed',
  'contact-requested',

  // Mailboxes.
  'mailbox-full',
  'mailbox-pruned',
  'tombstones-told',
  'room-noticed',
  'loss-noticed',
  'custody-expired',

  // Links and the weather.
  'relay-lost',
  'link-lost',
  'packet-lost',
  'frame-doubled',
  'frame-overtook',
  'line-full',
  'stalled',
  'stalled-one-way',
  'shut-out',
  'dialled-at-home',
  'dialled-from-hidden',
  'called-through-a-relay',
  'call-without-reservation',
  'circuit-upgraded',
  'circuit-stays',
  'circuit-ran-out',
  'circuit-broke',
  'roamed',

  // Machines that fail.
  'broke-before-commit',
  'broke-commit-throws',
  'broke-before-effects',
  'away-for-days',
  'sent-in-the-future',
  'refused-by-the-clock',
  'deposit-unanswered',
  'relay-busy',
  'mail-lost-with-the-disk',

  // Relays that were put back, and disagree.
  'mail-handed-out-again',
  'prekey-given-again',
  'session-on-prekey-given-twice',
  'spent-prekey-refused',
  'older-card-given',
  'older-card-refused',
  'older-bundle-given',
  'session-on-older-bundle',

  // Malice.
  'relay-withheld',
  'relay-reordered',
  'relay-forged',
  'relay-replayed',
  'relay-forged-card',
  'relay-forged-bundle',
  'relay-answered-falsely',
  'relay-kept-silent',
  'custody-refused',
  'flood-turned-away',
  'refused-direct',
]

const dayMs = 86_400_000
/** Clocks that differ by less are usual. */
const futureMs = 10_000

export function marks(world: World): Watch {
  const seen = new Set<string>()
  const goneMs = new Map<string, number>()
  const answered = (answer: DepositAnswer): void => {
    if (answer.kind === 'delivered') world.mark('delivered-past-the-disk')
    if (answer.kind === 'unreachable' && answer.reason === 'no answer') world.mark('deposit-unanswered')
    if (answer.kind !== 'refused') return
    if (answer.reason === 'busy') world.mark('relay-busy')
    if (answer.reason === 'expired' || answer.reason === 'far-future') world.mark('refused-by-the-clock')
  }
  return {
    broke: (device) => void goneMs.set(device.name, world.nowMs),
    heard(device, input) {
      if (world.nowMs - (goneMs.get(device.name) ?? world.nowMs) >= dayMs) world.mark('away-for-days')
      goneMs.delete(device.name)
      if (input.kind === 'envelope-collected') {
        const key = `${device.name} ${input.envelope.id}`
        if (seen.has(key)) world.mark('duplicate-dropped')
        seen.add(key)
        world.mark('collected-from-mailbox')
        if (device.core?.settings.relays.includes(input.relay) === false) world.mark('collected-from-a-relay-left')
      }
      if (input.kind === 'tombstones-collected') world.mark('tombstones-told')
      if (input.kind === 'room-noticed' || input.kind === 'loss-noticed') world.mark(input.kind)
      if (input.kind === 'deposit-answered') answered(input.answer)
      if (input.kind === 'link-lost' && input.reason === 'network changed') world.mark('roamed')
      if (input.kind === 'relay-lost' || input.kind === 'link-lost') world.mark(input.kind)
      if (input.kind === 'frame-received' && input.frame.kind === 'refuse') {
        world.mark(input.frame.reason === 'undecryptable' ? 'asked-for-a-repeat' : 'refused-direct')
      }
    },
    performed(_device, effect) {
      if (effect.kind === 'deposit') world.mark('fell-back-to-mailbox')
      if (effect.kind !== 'notify') return
      const { event } = effect.stored
      if (event.type === 'status' && event.state === 'delivered' && event.via === 'direct')
        world.mark('delivered-direct')
      if (event.type === 'status' && event.state === 'expired') world.mark('message-expired')
      if (event.type === 'gap') world.mark('gap-told')
      if (event.type === 'contact' && event.state === 'requested') world.mark('contact-requested')
      if (event.type === 'contact' && event.state === 'key-changed') world.mark('key-changed')
    },
    committed(_device, changes) {
      for (const change of changes) {
        if (change.kind === 'put-message') {
          const { state, outgoing, sentMs, receivedMs = sentMs } = change.message
          if (state === 'held') world.mark('held-for-order')
          if (!outgoing && sentMs > receivedMs + futureMs) world.mark('sent-in-the-future')
        }
        if (change.kind === 'add-attempt' && change.attempt.outcome === 'the relay did not sign for it') {
          world.mark('custody-refused')
        }
        if (change.kind === 'put-session' && (change.record as ModelRecord).promoted === true) {
          world.mark('archived-session-decrypted')
        }
        if (change.kind !== 'put-delivery' || change.delivery.visible) continue
        if (body.decode(change.delivery.body)?.kind === 'retry') world.mark('asked-for-a-repeat')
      }
    },
  }
}
