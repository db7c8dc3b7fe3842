/**
 * A relay that is not what it should be: it withholds, repeats, reorders and alters what it holds, signs for what it did not
 * keep, and claims deliveries it cannot know of. What it cannot do is read, or sign for another.
 */
import type { Chance } from '../world/chance.ts'
import type { Malice } from '../world/relay.ts'
import type { Envelope, MailboxFrame } from '../../../protocol/wire/mailbox.ts'

const rememberedMax = 50

export function malice(chance: Chance): Malice {
  const past: Envelope[] = []
  const rate = chance.pick([0.1, 0.3, 0.8])
  return (frame) => {
    if (frame.kind === 'page') return [page(frame, past, rate, chance)]
    if (frame.kind === 'stored' && chance.hits(rate)) return falseAnswers(frame, chance)
    return [frame]
  }
}

function page(
  frame: Extract<MailboxFrame, { kind: 'page' }>,
  past: Envelope[],
  rate: number,
  chance: Chance,
): MailboxFrame {
  let envelopes = [...frame.envelopes]
  past.push(...envelopes)
  past.splice(0, past.length - rememberedMax)
  if (chance.hits(rate)) envelopes = envelopes.filter(() => chance.hits(0.5))
  if (chance.hits(rate)) envelopes = chance.shuffled(envelopes)
  if (chance.hits(rate))
    envelopes = envelopes.map((envelope) => (chance.hits(0.5) ? altered(envelope, chance) : envelope))
  if (chance.hits(rate) && envelopes.length < 50 && past.length > 0) envelopes.push(chance.pick(past))
  return { ...frame, envelopes }
}

function altered(envelope: Envelope, chance: Chance): Envelope {
  const sealed = envelope.sealed.slice()
  const at = chance.below(sealed.length)
  sealed[at] = (sealed[at] ?? 0) ^ (1 + chance.below(255))
  return { ...envelope, sealed }
}

function falseAnswers(frame: Extract<MailboxFrame, { kind: 'stored' }>, chance: Chance): MailboxFrame[] {
  const { receipt } = frame
  const ids = receipt.taken.map(({ id }) => id)
  switch (chance.below(5)) {
    case 0:
      return [{ kind: 'delivered', ids }]
    case 1:
      return [{ kind: 'stored', receipt: { ...receipt, signature: chance.bytes(64) } }]
    case 2:
      return ids.map((id) => ({ kind: 'refused', id, reason: 'busy', retryMs: 0 }))
    case 3:
      return [{ kind: 'stored', receipt: { ...receipt, taken: receipt.taken.slice(1) } }]
    default:
      return []
  }
}
