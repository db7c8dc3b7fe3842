/**
 * A relay that is not what it should be: it withholds, repeats, reorders and alters what it holds, signs for what it did not
 * keep, claims deliveries it cannot know of, and tells lies about people. What it cannot do is read, or sign for another.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Chance } from '../world/chance.ts'
import type { Malice } from '../world/relay.ts'
import type { SignedCard } from '../../../protocol/wire/card.ts'
import type { DirectoryFrame, PublicPreKey } from '../../../protocol/wire/directory.ts'
import type { Envelope, MailboxFrame } from '../../../protocol/wire/mailbox.ts'

const rememberedMax = 50

/** `mark` is told of each lie that was told. */
export function malice(chance: Chance, mark: (name: string) => void): Malice {
  const past: Envelope[] = []
  const held: Envelope[] = []
  const rate = chance.pick([0.1, 0.3, 0.8])
  return (frame) => {
    if (frame.kind === 'page') return [page(frame, { past, held }, { rate, chance, mark })]
    if (frame.kind !== 'stored' || !chance.hits(rate)) return [frame]
    const answers = falseAnswers(frame, chance)
    mark(answers.length === 0 ? 'relay-kept-silent' : 'relay-answered-falsely')
    return answers
  }
}

interface Kept {
  readonly past: Envelope[]
  /** Left out of one page, to come with the next. */
  readonly held: Envelope[]
}

interface Mood {
  readonly rate: number
  readonly chance: Chance
  readonly mark: (name: string) => void
}

function page(frame: Extract<MailboxFrame, { kind: 'page' }>, kept: Kept, { rate, chance, mark }: Mood): MailboxFrame {
  const { past, held } = kept
  let envelopes = [...frame.envelopes, ...held.splice(0)]
  past.push(...frame.envelopes)
  past.splice(0, past.length - rememberedMax)
  const does = (name: string, isPossible: boolean, act: () => Envelope[]): void => {
    if (!chance.hits(rate) || !isPossible) return
    const before = envelopes
    envelopes = act()
    const isSame = envelopes.length === before.length && envelopes.every((envelope, i) => envelope === before[i])
    if (!isSame) mark(name)
  }
  does('relay-withheld', envelopes.length > 0, () => envelopes.filter(() => chance.hits(0.5)))
  does('relay-reordered', envelopes.length > 0, () => {
    const shuffled = chance.shuffled(envelopes)
    held.push(...shuffled.splice(Math.ceil(shuffled.length / 2) - 1, 1))
    return shuffled
  })
  does('relay-forged', envelopes.length > 0, () =>
    envelopes.map((envelope) => (chance.hits(0.5) ? altered(envelope, chance) : envelope)),
  )
  does('relay-replayed', envelopes.length < 50 && past.length > 0, () => [...envelopes, chance.pick(past)])
  return { ...frame, envelopes }
}

/** Cards and bundles that are nobody's, or somebody else's; one-time keys that were given before, or never existed. */
export function lies(chance: Chance, mark: (name: string) => void): (frame: DirectoryFrame) => DirectoryFrame {
  const rate = chance.pick([0.1, 0.3, 0.8])
  let [lastCard, lastKey]: [SignedCard | undefined, PublicPreKey | undefined] = [undefined, undefined]
  const lie = (frame: Extract<DirectoryFrame, { kind: 'card' | 'bundle' }>): DirectoryFrame => {
    if (frame.kind === 'card') {
      const { card } = frame
      const other = lastCard
      lastCard = card
      if (other !== undefined && chance.hits(0.5)) return { kind: 'card', card: other }
      return { kind: 'card', card: { ...card, card: flipped(card.card, chance) } }
    }
    const { bundle, preKey } = frame
    const again = lastKey
    lastKey = preKey ?? lastKey
    if (preKey !== undefined && chance.hits(0.5)) return { ...frame, preKey: again ?? { ...preKey, id: preKey.id + 1 } }
    return { ...frame, bundle: { ...bundle, signedPreKey: flipped(bundle.signedPreKey, chance) } }
  }
  return (frame) => {
    if ((frame.kind !== 'card' && frame.kind !== 'bundle') || !chance.hits(rate)) return frame
    const told = lie(frame)
    if (!isDeepStrictEqual(told, frame)) mark(`relay-forged-${frame.kind}`)
    return told
  }
}

function altered(envelope: Envelope, chance: Chance): Envelope {
  return { ...envelope, sealed: flipped(envelope.sealed, chance) }
}

function flipped(bytes: Uint8Array, chance: Chance): Uint8Array {
  const copy = bytes.slice()
  const at = chance.below(copy.length)
  copy[at] = (copy[at] ?? 0) ^ (1 + chance.below(255))
  return copy
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
