/**
 * Receipts never lie: "stored" is shown only for what a relay has put on its disk, "delivered" for what a device of the
 * recipient has, "read" for what its person has seen.
 */
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

export function receiptsTrue(world: World): Watch {
  /** Message ids by what is true of them. */
  const kept = new Set<string>()
  const seen = new Set<string>()
  const onDisk = new Set<string>()
  const envelopeOf = new Map<string, Set<string>>()
  return {
    stored(_relay, call, outcome) {
      if (call.op !== 'enqueue' || !outcome.ok || outcome.op !== 'enqueue') return
      if (outcome.answer.state === 'stored' || outcome.answer.state === 'duplicate') onDisk.add(call.envelope.id)
    },
    committed(device, changes) {
      for (const change of changes) {
        if (change.kind === 'put-delivery' && change.delivery.sealedFor !== undefined) {
          const { messageId, sealedFor } = change.delivery
          const envelopes = envelopeOf.get(messageId) ?? new Set()
          envelopeOf.set(messageId, envelopes.add(sealedFor.envelopeId))
        }
        if (change.kind !== 'put-message') continue
        const { message } = change
        const key = `${message.conversation} ${message.id}`
        if (!message.outgoing) {
          kept.add(`${device.account} ${message.id}`)
          if (message.state === 'seen') seen.add(`${device.account} ${message.id}`)
          continue
        }
        const lie = (): void => world.complain('receipts never lie', `${device.name} is told ${message.state}`)
        if (message.state === 'delivered' && !kept.has(key)) lie()
        if (message.state === 'read' && !seen.has(key)) lie()
        const envelopes = [...(envelopeOf.get(message.id) ?? [])]
        if (message.state === 'stored' && !envelopes.some((id) => onDisk.has(id))) lie()
      }
    },
  }
}
