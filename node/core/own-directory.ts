/**
 * This device as its own directory: whoever can dial it may ask for its card and for a bundle of its own, so that two people
 * need no relay to meet. Asking uses up one-time keys, so it is rationed; without one the signed keys still serve.
 */
import type { DirectoryFrame } from '../../protocol/wire/directory.ts'
import type { Draft } from './draft.ts'
import type { OwnCard } from './own-card.ts'
import type { PreKeyPool } from './prekey-pool.ts'

/** What the store calls the keys given out here, where relays have their address. */
const ownPlace = 'self'
/** One-time keys given out and not come back as a first message. */
const outstandingMax = 200
/** One-time keys a minute, for everybody together. */
const perMinute = 20

export class OwnDirectory {
  readonly #card: OwnCard
  readonly #pool: PreKeyPool
  #tokens = perMinute
  #filledMs = 0

  constructor(card: OwnCard, pool: PreKeyPool) {
    this.#card = card
    this.#pool = pool
  }

  asked(asker: number, frame: DirectoryFrame, draft: Draft): void {
    draft.act({ kind: 'answer-asker', asker, frame: this.#answer(frame, draft) })
  }

  #answer(frame: DirectoryFrame, draft: Draft): DirectoryFrame {
    const { account, device } = this.#card.settings
    if (frame.kind === 'find-card') {
      const card = this.#card.signed
      return card !== undefined && frame.account === account ? { kind: 'card', card } : refusal('not-found')
    }
    if (frame.kind === 'take-bundle') {
      const bundle = this.#pool.bundle()
      if (bundle === undefined || frame.device !== device) return refusal('not-found')
      const [preKey] = this.#mayGive(draft) ? this.#pool.make(ownPlace, 1, draft) : []
      this.#pool.spent(ownPlace, draft)
      return { kind: 'bundle', bundle, ...(preKey && { preKey }) }
    }
    return refusal('malformed')
  }

  #mayGive(draft: Draft): boolean {
    const earned = ((draft.nowMs - this.#filledMs) / 60_000) * perMinute
    this.#tokens = Math.min(perMinute, this.#tokens + Math.max(0, earned))
    this.#filledMs = draft.nowMs
    if (this.#tokens < 1 || draft.reads.preKeysOf(ownPlace).length >= outstandingMax) return false
    this.#tokens--
    return true
  }
}

function refusal(reason: 'not-found' | 'malformed'): DirectoryFrame {
  return { kind: 'refused', reason, retryMs: 0 }
}
